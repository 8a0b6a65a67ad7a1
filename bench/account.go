package main

import (
	"cmp"
	"maps"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/chatwoot"
	"github.com/chatlake/chatlake/schemas"
)

// Account is how an export and its account are configured. The zero value is what chatlake does by default.
type Account struct {
	// Window is the size of the export's windows: month, week or day; "" means month.
	Window string `json:"window,omitempty"`
	// Details and Participants are the provider's options of these names; "" means the default.
	Details      string `json:"details,omitempty"`
	Participants string `json:"participants,omitempty"`
}

// lean asks for conversations and messages and nothing else, as most programs do that copy from a platform.
var lean = Account{Details: "false", Participants: "false"}

func (a Account) in(window string) Account {
	a.Window = window
	return a
}

func (a Account) window() string { return cmp.Or(a.Window, "month") }

// options are those that the account's configuration states.
func (a Account) options() map[string]string {
	options := map[string]string{}
	for name, text := range map[string]string{"details": a.Details, "participants": a.Participants} {
		if text != "" {
			options[name] = text
		}
	}
	return options
}

// provided is the account as the provider sees it.
func (a Account) provided(url string) providers.Account {
	return providers.Account{Name: account, BaseURL: url, AccountID: "1", Options: a.options()}
}

// refused is why the provider does not accept the options; nil if it does.
func (a Account) refused() error {
	return chatwoot.Definition.Check(a.provided("http://127.0.0.1"))
}

// effective returns the value of one of the provider's options.
func (a Account) effective(option string) string {
	normal, defaults := chatwoot.Definition.Normal(a.provided("http://127.0.0.1"))
	all := maps.Clone(normal.Options)
	maps.Copy(all, defaults)
	return all[option]
}

// each is how many requests one conversation needs beyond those for its messages. A platform of today lists everything that its details
// say, so only an account that insists on the details needs them.
func (a Account) each() int64 {
	var n int64
	for _, option := range []string{"details", "participants"} {
		if a.effective(option) == "true" {
			n++
		}
	}
	return n
}

// judged reports whether a row can be compared with the world. Whoever follows a conversation is a participant of it by the list of
// participants only; without that list, those who also wrote are its senders.
func (a Account) judged(table string, cells []string) bool {
	if table != schemas.Participants.Table || a.effective("participants") == "true" {
		return true
	}
	role := cells[1]
	return role != "participant" && role != "sender"
}
