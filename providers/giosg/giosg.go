// Package giosg reads one organization of Giosg through its HTTP API v5.
//
// The list of chats has no filter by time. It is requested newest first and read page by page. Its cursors are positions in the
// order of creation, so new chats at the top and deleted ones move nothing below. Positions found on the way are remembered as
// marks, so that a window starts at the nearest page above it and ends below it: a whole export requests each page of the list
// two or three times, however many windows it has. The order is verified on every page. The platform has no count, so links from
// neighbouring pages witness that no page is missing.
//
// Chats of encrypted rooms are read with the customer's private keys. Documents keep the ciphertext as sent; rows have the plain
// text. The rows are the same whether or not the platform still had the plain text.
//
// It must not know the lake, Temporal, another platform, or the environment.
package giosg

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/witness"
	"github.com/chatlake/chatlake/providers"
)

// Definition is Giosg. Its rate limits are not known; five requests per second is a cautious guess.
var Definition = providers.Definition{
	Name:              "giosg",
	Columns:           columns,
	Open:              open,
	Mapper:            openMapper,
	Check:             check,
	Normal:            normal,
	Push:              &push,
	BaseURL:           "https://service.giosg.com",
	RequestsPerSecond: 5,
	Prices:            prices,
	Secrets:           []string{secretApp, secretKeys, secretPassword},
	MappingSecrets:    []string{secretKeys, secretPassword},
	Blind:             blind,
	LeastLag:          lateRows,
	Ends:              true,
}

// The secrets of an account in addition to its token.
const (
	secretApp      = "app_secret"            // of an app, for auth: giosgapp
	secretKeys     = "private_keys"          // RSA private keys of encrypted rooms, PEM, one after another
	secretPassword = "private_keys_password" // of keys that are encrypted
)

// The kinds of documents.
const (
	kindChats       = "chats" // the list itself, as a witness name
	kindChat        = "chat"
	kindMessages    = "messages"
	kindMemberships = "memberships"
	kindTags        = "tags"
	kindVariables   = "variables"
	kindVisitor     = "visitor"
	kindBots        = "bots"
)

// The options of an account.
const (
	optionAuth     = "auth"
	optionRooms    = "rooms"
	optionOrdering = "ordering"
	optionOpen     = "open_chats"
	optionVisitors = "visitors"
)

// filters are the options that are passed to the list unchanged. They exclude chats.
var filters = []string{"has_user_messages", "has_visitor_messages", "is_ended"}

type options struct {
	auth      string
	rooms     []string // if empty, all chats of the organization
	query     url.Values
	leaveOpen bool
	visitors  bool
}

// defaultOrdering is newest first.
const defaultOrdering = "-created_at"

// choices are the allowed values of options with few values.
var choices = map[string][]string{
	optionAuth:             {authToken, authBearer, authApp},
	optionOrdering:         {defaultOrdering, "created_at"},
	optionOpen:             {"include", "leave"},
	optionVisitors:         {"true", "false"},
	"has_user_messages":    {"true", "false"},
	"has_visitor_messages": {"true", "false"},
	"is_ended":             {"true", "false"},
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func readOptions(given map[string]string) (options, error) {
	o := options{auth: authToken, visitors: true, query: url.Values{optionOrdering: {defaultOrdering}}}
	for key, text := range given {
		allowed, known := choices[key]
		switch {
		case key == optionRooms:
			for _, room := range strings.Split(text, ",") {
				if room = strings.TrimSpace(room); !uuid.MatchString(room) {
					return o, &providers.Setting{Key: "options.rooms", Reason: "must be ids of rooms (UUIDs), separated by commas"}
				}
				if !slices.Contains(o.rooms, room) {
					o.rooms = append(o.rooms, room)
				}
			}
		case !known:
			return o, providers.UnknownOption(key, append([]string{optionAuth, optionRooms, optionOrdering, optionOpen, optionVisitors}, filters...)...)
		case !slices.Contains(allowed, text):
			return o, providers.Option(key, "must be "+strings.Join(allowed, " or "))
		case key == optionOrdering || slices.Contains(filters, key):
			o.query.Set(key, text)
		case key == optionAuth:
			o.auth = text
		case key == optionOpen:
			o.leaveOpen = text == "leave"
		case key == optionVisitors:
			o.visitors = text == "true"
		}
	}
	return o, nil
}

func check(a providers.Account) error {
	u, ok := providers.ParseAddress(a.BaseURL)
	switch {
	case !ok:
		return &providers.Setting{Key: "base_url", Reason: "must be an absolute http or https address, for example https://service.giosg.com"}
	case strings.Contains(u.Path, "/api/v"):
		return &providers.Setting{Key: "base_url", Reason: "must be the address of the server without /api/v5"}
	case !uuid.MatchString(a.AccountID):
		return &providers.Setting{Key: "account_id", Reason: "must be the UUID of the organization, which /api/v5/users/me returns as organization_id"}
	}
	o, err := readOptions(a.Options)
	if err != nil {
		return err
	}
	has := func(name string) bool { _, ok := a.Secrets[name]; return ok }
	switch {
	case o.auth == authApp && !has(secretApp):
		return &providers.Setting{Key: "secrets.app_secret", Reason: "missing; options.auth giosgapp needs it in addition to the token"}
	case o.auth != authApp && has(secretApp):
		return &providers.Setting{Key: "secrets.app_secret", Reason: "is only for options.auth giosgapp"}
	case has(secretPassword) && !has(secretKeys):
		return &providers.Setting{Key: "secrets.private_keys_password", Reason: "needs secrets.private_keys too"}
	}
	return nil
}

// The ways to sign requests, as options.auth names them.
const (
	authToken  = "token"
	authBearer = "bearer"
	authApp    = "giosgapp"
)

// authorization returns the Authorization header of every request. Seen in the vendor's own clients: giosg_crypter for Token,
// giosgapps_bindings for GIOSGAPP.
func authorization(a providers.Account, way string) string {
	switch way {
	case authBearer:
		return "Bearer " + a.Token
	case authApp:
		return "GIOSGAPP " + a.Token + " " + a.Secrets[secretApp]
	}
	return "Token " + a.Token
}

// account is one login. It keeps its keys and data that makes later requests cheaper.
type account struct {
	http *rest.Client
	base *url.URL
	id   string
	root string // path of the organization in the API
	options
	keys  keyring
	bots  *bots
	lists []*list       // one per room, or the one of the organization
	open  *list         // chats that have not ended, of the room, or of the organization
	doubt witness.Doubt // of the directory

	me        atomic.Pointer[string] // the token's user, once it was asked for
	endsOwned atomic.Bool            // the last chat that ended was one of the organization
}

func open(a providers.Account) (providers.Reader, error) {
	if err := check(a); err != nil {
		return nil, err
	}
	o, err := readOptions(a.Options)
	if err != nil {
		return nil, err
	}
	keys, err := keysOf(a.Secrets) // for Probe only: the mapper decrypts
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(a.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("open account: the base URL cannot be read")
	}
	header := authorization(a, o.auth)
	client, err := rest.New(rest.Config{
		BaseURL: a.BaseURL,
		Sign: func(r *http.Request) error {
			r.Header.Set("Authorization", header)
			return nil
		},
		UserAgent: "chatlake",
		Rate:      a.Rate, Watch: a.Watch,
	})
	if err != nil {
		return nil, fmt.Errorf("open account: %w", err)
	}
	p := &account{http: client, base: base, id: strings.ToLower(a.AccountID), options: o, keys: keys, bots: newBots()}
	p.root = "/api/v5/orgs/" + p.id
	for _, room := range o.rooms {
		// The chats of a room, of the vendor's developer documentation.
		p.lists = append(p.lists, newList(p.root+"/rooms/"+room+"/chats", o.query))
	}
	if len(p.lists) == 0 {
		// All chats of the organization's own rooms, of the vendor's tutorial on fetching chat conversations.
		p.lists = append(p.lists, newList(p.root+"/owned_chats", o.query))
	}
	p.open = p.openList()
	return p, nil
}
