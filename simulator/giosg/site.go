// Package giosg is a fake Giosg: the HTTP API v5 of one organization, served from a simulator's world.
//
// It must not know the provider that reads it.
package giosg

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// Role is what a token may do.
type Role string

const (
	Manager  Role = "manager"  // sees all rooms
	Limited  Role = "limited"  // may not list rooms
	Outsider Role = "outsider" // belongs to another organization
)

// The tokens of a site without Options.Tokens.
const (
	ManagerToken  = "manager-token"
	LimitedToken  = "limited-token"
	OutsiderToken = "outsider-token"
)

// Organization is the id of a site's organization.
const Organization = "7f9e9580-095b-42c7-838c-c04e667b26f7"

// Options describe how a site behaves. The zero value lists newest first, without limits, latency and encryption.
type Options struct {
	Tokens          map[string]Role // the three above if nil
	Scheme          string          // of the Authorization header: Token (if empty), Bearer or GIOSGAPP
	AppSecret       string          // required after the token by GIOSGAPP
	PageSize        int             // rows of the longest pages, 25 if 0; pages differ in length
	MessagePageSize int             // 100 if 0
	EmptyPages      bool            // there are empty pages between others
	NoPrevious      bool            // pages have no links to previous pages
	IgnoreOrdering  bool            // lists are oldest first, whatever the request says
	ByActivity      bool            // lists are in the order of updated_at, whatever the request says
	NextHost        string          // host of links, the site's own if empty
	NextScheme      string          // scheme of links, http if empty
	ExpiredStatus   int             // status of the answer to an expired cursor, 404 if 0
	// Newest is how many of the newest conversations of the corpus may still be open; all if 0.
	Newest int
	// Encrypted means that the rooms for mail and WhatsApp are encrypted for PublicKey.
	Encrypted bool
	// EndsAt is where chats can be ended; everywhere if empty.
	EndsAt EndPlace
	// RefuseEnd is called right before a chat ends. It returns the status with which that is refused, and 0 if it is not. It may be nil.
	RefuseEnd func(chat string) int
	Throttle  Throttle
	Latency   time.Duration
	Now       func() time.Time // time.Now if nil
}

// Throttle limits requests: Burst at once, PerSecond on average; 0 means no limit. A request over the limit gets a 429 with
// RetryAfter seconds, or without the header if that is 0.
type Throttle struct {
	PerSecond  float64
	Burst      int
	RetryAfter int
}

// Stats counts the requests to a site.
type Stats struct {
	Requests  int64
	Endpoints map[string]int64 // by path below the organization, for example owned_chats/{chat}/messages
	Throttled int64            // requests answered with 429
}

// Site is one organization of a fake Giosg. It is safe for concurrent use, and its world may change while it serves.
type Site struct {
	corpus     *simulator.Corpus
	options    Options
	mux        *http.ServeMux
	generation atomic.Int64 // of cursors
	cached     atomic.Bool  // the plain texts of encrypted rooms are still available

	people   sync.Once
	visitors map[string]int // persons by their ids on the site

	mu      sync.Mutex
	entries []entry // ascending by (created, number)
	numbers map[int64]entry
	added   map[int64]*simulator.Thread
	purged  map[int64]time.Time
	ended   map[int64]time.Time // chats that were ended by a request
	ends    map[string]int      // requests to end a chat that were carried out, by chat
	next    int64               // running number of chats
	nextID  int64               // running number of messages
	lists   map[string][]entry
	stats   Stats
	tokens  float64
	at      time.Time
}

// entry is one chat in the order of lists.
type entry struct {
	created int64 // Unix milliseconds
	updated int64
	number  int64
	index   int // in the corpus, -1 if it was inserted later
}

// New returns a site that serves a world.
func New(corpus *simulator.Corpus, options Options) *Site {
	if options.PageSize == 0 {
		options.PageSize = 25
	}
	if options.MessagePageSize == 0 {
		options.MessagePageSize = 100
	}
	if options.Scheme == "" {
		options.Scheme = "Token"
	}
	if options.NextScheme == "" {
		options.NextScheme = "http"
	}
	if options.ExpiredStatus == 0 {
		options.ExpiredStatus = http.StatusNotFound
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Tokens == nil {
		options.Tokens = map[string]Role{ManagerToken: Manager, LimitedToken: Limited, OutsiderToken: Outsider}
	}
	s := &Site{
		corpus: corpus, options: options, added: map[int64]*simulator.Thread{}, purged: map[int64]time.Time{}, ended: map[int64]time.Time{}, ends: map[string]int{},
		numbers: map[int64]entry{}, next: corpus.NextNumber(), nextID: corpus.NextMessageID(), lists: map[string][]entry{}, tokens: float64(max(1, options.Throttle.Burst)),
	}
	for i := range corpus.Len() {
		o := corpus.Outline(i)
		e := entryOf(o, i)
		s.entries = append(s.entries, e)
		s.numbers[e.number] = e
	}
	slices.SortFunc(s.entries, compareEntries)
	s.route()
	return s
}

func (s *Site) route() {
	s.mux = http.NewServeMux()
	s.mux.Handle("GET /api/v5/users/me", s.guard("users/me", s.me))
	s.mux.Handle("PATCH /api/v5/users/{user}/chats/{chat}", s.guard("users/{user}/chats/{chat}", s.endAsUser))
	s.mux.Handle("PATCH /api/v5/orgs/{org}/owned_chats/{chat}", s.guard("end owned_chats/{chat}", s.endOwned))
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound, "Not found.") })
	for path, do := range map[string]http.HandlerFunc{
		"owned_chats":                                     s.chats,
		"owned_chats/{chat}":                              s.one(s.chat),
		"owned_chats/{chat}/messages":                     s.one(s.messages),
		"owned_chats/{chat}/memberships":                  s.one(s.memberships),
		"owned_chats/{chat}/tags":                         s.one(s.tags),
		"owned_chats/{chat}/visitors/{visitor}/variables": s.one(s.variables),
		"rooms":                           s.rooms,
		"rooms/{room}/chats":              s.chats,
		"rooms/{room}/visitors/{visitor}": s.visitor,
		"users":                           s.users,
		"teams":                           s.teams,
	} {
		s.mux.Handle("GET /api/v5/orgs/{org}/"+path, s.guard(path, do))
	}
}

// ServeHTTP answers one request, with the time of the site's clock.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.options.Now().UTC().Format(http.TimeFormat))
	s.mux.ServeHTTP(w, r)
}

// guard counts, delays and throttles requests and checks their callers.
func (s *Site) guard(name string, do http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.admit(name) {
			if n := s.options.Throttle.RetryAfter; n > 0 {
				w.Header().Set("Retry-After", number(int64(n)))
			}
			fail(w, http.StatusTooManyRequests, "Request was throttled. Expected available in 1 second.")
			return
		}
		if s.options.Latency > 0 {
			timer := time.NewTimer(s.options.Latency)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-r.Context().Done():
				return
			}
		}
		role, ok := s.roleOf(r.Header.Get("Authorization"))
		switch org := r.PathValue("org"); {
		case !ok:
			fail(w, http.StatusUnauthorized, "Invalid token.")
		case name == "users/me":
			do(w, r)
		case role == Outsider, org != Organization && r.PathValue("user") == "":
			fail(w, http.StatusNotFound, "Not found.")
		case role == Limited && name == "rooms":
			fail(w, http.StatusForbidden, "You do not have permission to perform this action.")
		default:
			do(w, r)
		}
	})
}

func (s *Site) roleOf(header string) (Role, bool) {
	scheme, rest, _ := strings.Cut(header, " ")
	if scheme != s.options.Scheme {
		return "", false
	}
	token, secret, _ := strings.Cut(rest, " ")
	role, ok := s.options.Tokens[token]
	return role, ok && secret == s.options.AppSecret
}

func (s *Site) admit(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Requests++
	if s.stats.Endpoints == nil {
		s.stats.Endpoints = map[string]int64{}
	}
	s.stats.Endpoints[name]++
	t := s.options.Throttle
	if t.PerSecond == 0 {
		return true
	}
	now := s.options.Now()
	if !s.at.IsZero() {
		s.tokens = min(float64(max(1, t.Burst)), s.tokens+now.Sub(s.at).Seconds()*t.PerSecond)
	}
	s.at = now
	if s.tokens < 1 {
		s.stats.Throttled++
		return false
	}
	s.tokens--
	return true
}

// Stats returns the counts so far.
func (s *Site) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Endpoints = map[string]int64{}
	for k, v := range s.stats.Endpoints {
		stats.Endpoints[k] = v
	}
	return stats
}

// me is GET users/me.
func (s *Site) me(w http.ResponseWriter, r *http.Request) {
	role, _ := s.roleOf(r.Header.Get("Authorization"))
	org := Organization
	if role == Outsider {
		org = uuid("org", 2)
	}
	send(w, fields{"id": s.user(), "organization_id": org})
}
