// Package chatwoot reads one account of a Chatwoot server, or of Inquirly, which is Chatwoot under another name.
//
// The list of conversations is requested in the order of creation, oldest first. This order never changes, and new conversations
// come last. Pages are numbered from the beginning and there is no cursor, so a deletion moves every younger conversation to a
// lower position. The walk over a window therefore goes down: it starts at the page with the window's end and reads page by page
// towards the window's beginning. While it walks down, a conversation that moves down can at worst be listed twice; a walk upwards
// would skip it. The walk does not read the pages of other windows: it finds the end of the window by bisecting the page numbers.
//
// Messages are read in windows of ids with both bounds. No other request returns up to a thousand rows, and the others sort rows
// differently than they select them, so that they cut off the wrong ones. A full window is split until every part is known to be
// complete.
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

// Definition is Chatwoot, hosted by its vendor or by anybody else.
var Definition = providers.Definition{
	Name:              "chatwoot",
	Columns:           columns,
	Open:              open,
	Mapper:            openMapper,
	Check:             check,
	Normal:            normal,
	Push:              &push,
	BaseURL:           "https://app.chatwoot.com",
	RequestsPerSecond: 10, // a server allows 50 for each IP address by default
	Prices:            prices,
	Covers:            covers,
	Blind:             blind,
}

// Inquirly is a Chatwoot of about version 4.0. Only its customers know their host, so there is no default.
var Inquirly = providers.Definition{
	Name:              "inquirly",
	Columns:           columns,
	Open:              open,
	Mapper:            openMapper,
	Check:             check,
	Normal:            normal,
	Push:              &push,
	RequestsPerSecond: 5,
	Prices:            prices,
	Covers:            covers,
	Blind:             blind,
}

// blind is what neither versions nor the list of changes show.
var blind = []string{
	"edited and deleted messages, delivery states and ratings, on servers since 4.12",
	"changes without a new message that no sync listed, on servers before 4.0.2",
	"custom attributes, if more conversations changed since the last sync than the server returns in one answer",
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
	details                 detailing
	participants, reporting bool
}

func readOptions(given map[string]string) (options, error) {
	o := options{details: detailsAuto, participants: true}
	known := map[string]*bool{optionParticipants: &o.participants, optionReporting: &o.reporting}
	for key, text := range given {
		if key == optionDetails {
			var err error
			if o.details, err = readDetailing(text); err != nil {
				return o, err
			}
			continue
		}
		option, ok := known[key]
		if !ok {
			return o, providers.UnknownOption(key, optionDetails, optionParticipants, optionReporting)
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
		return &providers.Setting{Key: "base_url", Reason: "missing; set it to the address of the server, for example https://chat.example.com"}
	case !ok:
		return &providers.Setting{Key: "base_url", Reason: "must be an absolute http or https address, for example https://chat.example.com"}
	case strings.Contains(u.Path, "/api/v1"):
		return &providers.Setting{Key: "base_url", Reason: "must be the address of the server, without /api/v1"}
	}
	if id, err := strconv.ParseUint(a.AccountID, 10, 63); err != nil || id == 0 {
		return &providers.Setting{Key: "account_id", Reason: "must be the account's number; a browser shows it in the address, as /app/accounts/<number>/"}
	}
	_, err := readOptions(a.Options)
	return err
}

// account is one login. Its state only saves requests.
type account struct {
	http *rest.Client
	id   string
	root string // of the account's API
	options
	list    listing
	sampled sampled
	doubt   witness.Doubt // of the directory
	// windowed is true once an answer has proven that the server applies both bounds of a message window.
	windowed atomic.Bool
	// noUpdated is true once the server has been seen to ignore updated_within.
	noUpdated atomic.Bool
}

// classes are the endpoints with a limit of their own, unless the server's operator has changed that
// (config/initializers/rack_attack.rb in Chatwoot 4.14).
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
		Rate:      a.Rate, Classes: classes, Take: a.Take, Watch: a.Watch,
	})
	if err != nil {
		return nil, fmt.Errorf("open account: %w", err)
	}
	return &account{http: client, id: a.AccountID, root: "/api/v1/accounts/" + a.AccountID, options: o}, nil
}
