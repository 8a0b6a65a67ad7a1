// Package chatwoot reads one account of a Chatwoot server, or of Inquirly, which is a Chatwoot under another name.
//
// The list is asked in the order of creation, oldest first, which never changes and only grows at its end. Pages are
// numbered from the beginning and have no cursor, so a deletion moves every younger conversation towards lower pages.
// The walk over a window therefore goes DOWN: it finds the page that holds the window's end and reads page by page
// towards the beginning. A conversation that moves down while we walk down can only be met twice; walking up, it would
// be skipped. Pages of other windows are not walked through: the end of a window is found by bisecting page numbers.
//
// Messages are read in id windows with both bounds, the only form in which the server gives up to a thousand rows and
// does not cut off what it sorts differently than it selects; a window that comes back full is split until each part is
// known to be whole.
//
// It must not know the lake, Temporal, another platform, or the environment.
package chatwoot

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/witness"
	"github.com/chatlake/chatlake/providers"
)

// Definition is Chatwoot, hosted by its makers or by anybody else.
var Definition = providers.Definition{
	Name:              "chatwoot",
	Open:              open,
	Mapper:            openMapper,
	Check:             check,
	Normal:            normal,
	BaseURL:           "https://app.chatwoot.com",
	RequestsPerSecond: 10, // of 50 that the server allows to one address by default
	Costs:             providers.Costs{MessageRequests: 1, MetadataRequests: 2},
	WindowRequests:    16, // as measured against the simulator, as is the next
	ExportRequests:    30,
}

// Inquirly is a Chatwoot of about version 4.0; its host is known to its customers only.
var Inquirly = providers.Definition{
	Name:              "inquirly",
	Open:              open,
	Mapper:            openMapper,
	Check:             check,
	Normal:            normal,
	RequestsPerSecond: 5,
	Costs:             providers.Costs{MessageRequests: 1, MetadataRequests: 2},
	WindowRequests:    16, // as measured against the simulator, as is the next
	ExportRequests:    30,
}

// The kinds of documents.
const (
	kindConversation = "conversation"
	kindDetails      = "conversation_details"
	kindMessages     = "messages"
	kindParticipants = "participants"
	kindReporting    = "reporting_events"
)

// The options of an account.
const (
	optionDetails      = "details"
	optionParticipants = "participants"
	optionReporting    = "reporting_events"
)

type options struct {
	details, participants, reporting bool
}

func readOptions(given map[string]string) (options, error) {
	o := options{details: true, participants: true}
	known := map[string]*bool{optionDetails: &o.details, optionParticipants: &o.participants, optionReporting: &o.reporting}
	for key, text := range given {
		option, ok := known[key]
		if !ok {
			return o, providers.Option(key, "unknown; there are details, participants and reporting_events")
		}
		value, err := strconv.ParseBool(text)
		if err != nil {
			return o, providers.Option(key, "must be true or false")
		}
		*option = value
	}
	return o, nil
}

func check(a providers.Account) error {
	u, ok := providers.ParseAddress(a.BaseURL)
	switch {
	case a.BaseURL == "":
		return &providers.Setting{Key: "base_url", Reason: "missing; give the address of the server, for example https://chat.example.com"}
	case !ok:
		return &providers.Setting{Key: "base_url", Reason: "must be an absolute http or https address, for example https://chat.example.com"}
	case strings.Contains(u.Path, "/api/v1"):
		return &providers.Setting{Key: "base_url", Reason: "give the address of the server without /api/v1"}
	}
	if id, err := strconv.ParseUint(a.AccountID, 10, 63); err != nil || id == 0 {
		return &providers.Setting{Key: "account_id", Reason: "must be the account's number, as in /app/accounts/<number>/ of the address in a browser"}
	}
	_, err := readOptions(a.Options)
	return err
}

// account is one login. It keeps nothing but what makes later requests cheaper.
type account struct {
	http *rest.Client
	id   string
	root string // of the account's API
	options
	list  listing
	doubt witness.Doubt // of the directory
	// windowed is set once the server has shown that it honours both bounds of a message window.
	windowed atomic.Bool
}

// classes are the endpoints that the server limits apart from the rest, unless its operator has changed that
// (config/initializers/rack_attack.rb of Chatwoot 4.14).
var classes = []rest.Class{
	{Quota: providers.Quota{Name: "conversations-meta", Limits: []providers.Limit{{Uses: 30, Per: time.Minute}}}, Suffixes: []string{"/conversations/meta"}},
	{Quota: providers.Quota{Name: "contacts-search", Limits: []providers.Limit{{Uses: 100, Per: time.Minute}}}, Suffixes: []string{"/contacts/search"}},
}

func open(a providers.Account) (providers.Reader, error) {
	if err := check(a); err != nil {
		return nil, err
	}
	o, err := readOptions(a.Options)
	if err != nil {
		return nil, err
	}
	client, err := rest.New(rest.Config{
		BaseURL: a.BaseURL,
		Sign: func(r *http.Request) error {
			r.Header.Set("api_access_token", a.Token)
			return nil
		},
		UserAgent: "chatlake",
		Rate:      a.Rate, Classes: classes, Take: a.Take,
	})
	if err != nil {
		return nil, fmt.Errorf("open account: %w", err)
	}
	return &account{http: client, id: a.AccountID, root: "/api/v1/accounts/" + a.AccountID, options: o}, nil
}
