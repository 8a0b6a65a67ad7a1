package faults

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/receive"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/simulator"
	fakefreshchat "github.com/chatlake/chatlake/simulator/freshchat"
	fakegiosg "github.com/chatlake/chatlake/simulator/giosg"
	fakeliveperson "github.com/chatlake/chatlake/simulator/liveperson"
)

// posting is how a platform announces, and what a receiver knows of it.
type posting struct {
	sending simulator.Sending
	foreign string // the id of another account
	keys    []string
	// refused is why wrong announcements are refused. Kinds that the platform cannot make are missing.
	refused map[simulator.Fate][]providers.Reason
	// announces are the kinds of events that it announces.
	announces []simulator.EventKind
}

const secretPath = "0123456789abcdef-in-the-path"

// spoken are the events with a new message.
var spoken = []simulator.EventKind{simulator.Begins, simulator.Replies, simulator.Closes, simulator.Reopens}

var postings = map[string]posting{
	"chatwoot": {
		sending: simulator.Sending{Key: "the secret of the webhook"}, foreign: "77", keys: []string{"the secret before", "the secret of the webhook"},
		refused: map[simulator.Fate][]providers.Reason{
			simulator.Forged: {providers.BadSignature}, simulator.Foreign: {providers.OtherAccount}, simulator.Expired: {providers.Expired},
		},
		announces: append(slices.Clone(spoken), simulator.Edits, simulator.Retracts, simulator.Rates, simulator.Delivers, simulator.Purges, simulator.Labels, simulator.Annotates),
	},
	"giosg": {
		sending: simulator.Sending{Key: fakegiosg.AppSecret, Path: secretPath}, foreign: "00000000-095b-42c7-838c-c04e667b26f7", keys: []string{fakegiosg.AppSecret},
		refused: map[simulator.Fate][]providers.Reason{
			simulator.Forged: {providers.BadSignature, "bad_path"}, simulator.Foreign: {providers.OtherAccount}, simulator.Expired: {providers.Expired},
		},
		announces: []simulator.EventKind{simulator.Begins, simulator.Replies, simulator.Closes, simulator.Purges},
	},
	"freshchat": {
		sending: simulator.Sending{Key: fakefreshchat.WebhookKey}, foreign: "00000000-0000-4000-a000-000000000000", keys: []string{fakefreshchat.PublicWebhookKey},
		refused: map[simulator.Fate][]providers.Reason{
			simulator.Forged: {providers.BadSignature}, simulator.Foreign: {providers.BadSignature}, simulator.Expired: {providers.Expired},
		},
		announces: spoken,
	},
	"liveperson": {
		sending: simulator.Sending{Key: fakeliveperson.ClientSecret}, foreign: "87654321", keys: []string{fakeliveperson.ClientSecret},
		refused:   map[simulator.Fate][]providers.Reason{simulator.Forged: {providers.BadSignature}, simulator.Foreign: {providers.OtherAccount}},
		announces: append(slices.Clone(spoken), simulator.Delivers),
	},
}

// post is a receiver of the announcements of one account, and their courier.
type post struct {
	posting
	courier  simulator.Courier
	receiver *receive.Receiver
	handler  http.Handler
}

func newPost(p platform, seed uint64, keep func(receive.Event) error) *post {
	how := postings[p.name]
	account := receive.Account{AccountID: p.account.AccountID, Push: p.definition.Push, Trust: receive.TrustSigned, Keys: how.keys}
	if how.sending.Path != "" {
		account.Trust, account.Paths = receive.TrustHint, []string{how.sending.Path}
	}
	r := &receive.Receiver{Accounts: map[string]receive.Account{"acme": account}, Keep: keep}
	return &post{posting: how, courier: simulator.Courier{Seed: seed, Sending: how.sending, Foreign: how.foreign}, receiver: r, handler: r.Handler()}
}

// deliver makes the request and returns the status of the answer.
func (p *post) deliver(a simulator.Announcement) int {
	target := receive.Path("acme") + a.Path
	if len(a.Query) > 0 {
		target += "?" + a.Query.Encode()
	}
	r := httptest.NewRequest(a.Method, target, bytes.NewReader(a.Body))
	maps.Copy(r.Header, a.Header)
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w.Code
}

// TestAnnouncements lets a month go by on every platform. What its fake announces is accepted if it is right, names the conversation, and is
// refused for the right reason if it is wrong.
func TestAnnouncements(t *testing.T) {
	from := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(0, 1, 0)
	for _, platform := range movingPlatforms {
		t.Run(platform.name, func(t *testing.T) {
			corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: 100, From: from.AddDate(0, -1, 0), To: from})
			site := platform.live(corpus, 0)
			var named []string
			p := newPost(platform.platform, 1, func(e receive.Event) error {
				named = append(named, e.Conversations...)
				return nil
			})
			kept := map[string]int64{} // the second in which something was last kept of a conversation
			fates, kinds := map[simulator.Fate]int{}, map[simulator.EventKind]bool{}
			for _, e := range corpus.Script(simulator.ScriptConfig{Seed: 1, From: from, To: to, Events: 2000}) {
				if !site.Happen(e) {
					continue
				}
				id, _ := site.ID(e.Number)
				for _, d := range p.courier.Of(site.Living.(simulator.Announcer), e) {
					fates[d.Fate]++
					kinds[e.Kind] = true
					if d.Fate == simulator.Lost {
						continue
					}
					p.receiver.Now = func() time.Time { return d.At }
					before := p.receiver.Stats()["acme"]
					named = nil
					code := p.deliver(d.Announcement)
					after := p.receiver.Stats()["acme"]
					switch accepted := code == http.StatusOK; {
					case d.Fate.Wrong() && accepted:
						t.Errorf("a %s announcement of %s is accepted", d.Fate, e.Kind)
					case d.Fate.Wrong():
						if !slices.ContainsFunc(p.refused[d.Fate], func(r providers.Reason) bool { return after.Refused[r] > before.Refused[r] }) {
							t.Errorf("a %s announcement of %s is refused: %v after %v", d.Fate, e.Kind, after.Refused, before.Refused)
						}
					case !accepted:
						t.Errorf("a %s announcement of %s is answered with %d: %v after %v", d.Fate, e.Kind, code, after.Refused, before.Refused)
					case after.Accepted > before.Accepted && !slices.Equal(named, []string{id}):
						t.Errorf("a %s announcement of %s names %v, want %s", d.Fate, e.Kind, named, id)
					case after.Accepted > before.Accepted:
						kept[id] = d.At.Unix()
					case after.Repeated == before.Repeated || d.Fate == simulator.Prompt && kept[id] != d.At.Unix():
						t.Errorf("a %s announcement of %s counts as %+v after %+v", d.Fate, e.Kind, after, before)
					}
				}
			}
			t.Logf("%v; %+v", fates, p.receiver.Stats()["acme"])
			for fate := simulator.Prompt; fate <= simulator.Expired; fate++ {
				if _, can := p.refused[fate]; (fates[fate] > 0) != (can || !fate.Wrong()) {
					t.Errorf("%d announcements are %s", fates[fate], fate)
				}
			}
			if want := slices.Sorted(slices.Values(p.announces)); !slices.Equal(slices.Sorted(maps.Keys(kinds)), want) {
				t.Errorf("announced are %v, want %v", slices.Sorted(maps.Keys(kinds)), want)
			}
		})
	}
}
