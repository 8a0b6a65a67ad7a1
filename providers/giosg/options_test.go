package giosg

import (
	"cmp"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/giosg"
)

// Every pair of options works, and selects the chats that both of them select.
func TestOptionPairs(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 11, Conversations: 30})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	world := func(options map[string]string) *fake.Site {
		site := fake.Options{Tokens: map[string]fake.Role{providertest.Secret: fake.Manager}, PageSize: 7}
		switch options[optionAuth] {
		case authBearer:
			site.Scheme = "Bearer"
		case authApp:
			site.Scheme, site.AppSecret = "GIOSGAPP", testAppSecret
		}
		return fake.New(corpus, site)
	}
	rooms := world(nil).Rooms()
	account := func(options map[string]string) func(*providers.Account) {
		return func(p *providers.Account) {
			p.Token, p.Options = providertest.Secret, options
			if options[optionAuth] == authApp {
				p.Secrets = map[string]string{secretApp: testAppSecret}
			}
		}
	}
	either := []string{"true", "false"}
	providertest.RunPairs(t, providertest.Pairs{
		Options: []providertest.Option{
			{Name: optionAuth, Values: choices[optionAuth]},
			{Name: optionRooms, Values: []string{rooms[1], rooms[1] + "," + rooms[3]}},
			{Name: optionOrdering, Values: choices[optionOrdering]},
			{Name: optionOpen, Values: choices[optionOpen]},
			{Name: optionVisitors, Values: either},
			{Name: filters[0], Values: either}, {Name: filters[1], Values: either}, {Name: filters[2], Values: either},
		},
		Check: func(options map[string]string) error {
			a := providers.Account{BaseURL: "https://service.giosg.com", AccountID: testOrg}
			account(options)(&a)
			return check(a)
		},
		Case: func(_ *testing.T, options map[string]string) providertest.Case {
			site := world(options)
			var selected []string
			for _, id := range site.Conversations(whole) {
				if thread, _ := site.Thread(id); selects(options, rooms, thread.Conversation) {
					selected = append(selected, id)
				}
			}
			return providertest.Case{
				Window: whole, Conversations: selected,
				Mapper:   pure(),
				Open:     func(t *testing.T, base string) providers.Reader { return testAccount(t, base, account(options)) },
				Platform: func(*testing.T) providertest.Platform { return providertest.Platform{Handler: world(options)} },
			}
		},
	})
}

const testAppSecret = "app-secret"

// selects reports whether options keep a chat in the list.
func selects(options map[string]string, rooms []string, c schemas.Conversation) bool {
	stated := map[string]string{
		"has_user_messages": *c.Attributes["has_user_messages"], "has_visitor_messages": *c.Attributes["has_visitor_messages"],
		"is_ended": map[bool]string{true: "true", false: "false"}[*c.State == "closed"],
	}
	for name, value := range stated {
		if cmp.Or(options[name], value) != value {
			return false
		}
	}
	inRoom := options[optionRooms] == "" || *c.ChannelID == rooms[1] || *c.ChannelID == rooms[3] && options[optionRooms] != rooms[1]
	return inRoom && (options[optionOpen] != "leave" || *c.State == "closed")
}
