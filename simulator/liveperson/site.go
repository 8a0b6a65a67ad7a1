// Package liveperson is a fake LivePerson: one account's domain service, tokens, Messaging Interactions API, Consumer
// Messaging History API and account configuration, all on one host, served from a simulator's world.
//
// It must not know the provider that reads it.
package liveperson

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// The default credentials of a site.
const (
	DefaultAccount = "12345678"
	Token          = "liveperson-token"
	ClientID       = "liveperson-client"
	ClientSecret   = "liveperson-client-secret"
	Username       = "etl@example.com"
	Password       = "liveperson-password"
	AppKey         = "liveperson-app-key"
	AppSecret      = "liveperson-app-secret"
	AccessToken    = "liveperson-access-token"
	AccessSecret   = "liveperson-access-secret"
)

// Options describe how a site behaves. The zero value is a site without limits and latency.
type Options struct {
	AccountID string        // DefaultAccount if empty
	Tokens    []string      // ready bearer tokens; Token if nil
	TokenLife time.Duration // of issued tokens; an hour if 0
	// NoExpiresIn omits the life of a token from the answer; its JWT contains it.
	NoExpiresIn bool
	// Consumers are the people behind consumers' tokens, by the ids of the world. ConsumerScheme is the word before the token:
	// "Bearer" if empty, nothing if "-".
	Consumers      map[string]int64
	ConsumerScheme string

	// Behaviour that is not known of the real site, and can be set either way.
	OffsetWall     int  // the site refuses an offset+limit beyond it; 0 means no wall
	WallIs400      bool // the refusal is a 400, otherwise a 500 with code 0007
	NoRounding     bool // windows are not widened to ten minutes
	OneBased       bool // offset 21 skips twenty rows, offset 20 nineteen
	EmptyIs204     bool // an empty result is answered with 204
	PageLimit      int  // longest page, whatever the request says; 0 means as requested
	NoCount        bool // the metadata have no count
	TextTimes      bool // milliseconds are texts
	SortBySecond   bool // the order within a second is arbitrary
	UnknownIs404   bool // a single unknown id is answered with 404, otherwise with no records
	ByIDLimit      int  // records by id in one answer; 0 means all
	LastUpdateTime bool // info has the time of the last update
	// Unseen are the events that do not count as an update, Unstamped those that do but leave the update time in info as it was.
	Unseen, Unstamped []simulator.EventKind
	IndexDelay        time.Duration // after which an event shows in searches
	NoDirectory       int           // status with which account configuration is refused; 0 means it is not

	// PartialShards answers every n-th search with partialResult and half the rows; 0 means never.
	PartialShards int
	// CutAbove cuts records with more messages if they come with others; 0 means never. AlwaysCut also cuts them alone.
	CutAbove  int
	AlwaysCut bool

	Throttle int // requests per second; 0 means no limit
	Latency  time.Duration
	Now      func() time.Time // time.Now if nil
}

// entry is the data of a conversation that lists need.
type entry struct {
	start, end int64 // milliseconds; end is 0 while it is open
	updated    int64
	number     int64
	person     int64
	open, held bool
	id         string
}

// indexing is an entry that searches do not have yet.
type indexing struct {
	at time.Time
	entry
}

// Site is one account of a fake LivePerson. It is safe for concurrent use, and its world may change while it serves.
type Site struct {
	corpus  *simulator.Corpus
	options Options
	mux     *http.ServeMux

	changing sync.Mutex // held by whoever changes the world, before mu

	mu      sync.RWMutex
	entries []entry          // ascending by start
	numbers map[string]int64 // numbers of conversations by id, without deleted ones
	changed map[int64]simulator.Thread
	waiting []indexing // ascending by time
	next    int64      // running number of conversations
	nextID  int64      // of messages
	cache   map[int64]facts
	tokens  map[string]time.Time // issued tokens, with their expiry
	spent   map[string]bool      // used nonces
	stats   Stats
	second  int64
	within  int
}

// Stats counts the requests to a site.
type Stats struct {
	Requests  int64
	Endpoints map[string]int64
	Throttled int64
	Tokens    int64 // issued
}

// New returns a site that serves a world.
func New(corpus *simulator.Corpus, options Options) *Site {
	options.AccountID = cmp.Or(options.AccountID, DefaultAccount)
	options.TokenLife = cmp.Or(options.TokenLife, time.Hour)
	options.ConsumerScheme = cmp.Or(options.ConsumerScheme, "Bearer")
	if options.Tokens == nil {
		options.Tokens = []string{Token}
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	s := &Site{
		corpus: corpus, options: options, numbers: map[string]int64{}, changed: map[int64]simulator.Thread{}, cache: map[int64]facts{},
		next: corpus.NextNumber(), nextID: corpus.NextMessageID(), tokens: map[string]time.Time{}, spent: map[string]bool{}, stats: Stats{Endpoints: map[string]int64{}},
	}
	for i := range corpus.Len() {
		s.entries = append(s.entries, entryOf(corpus.Thread(i)))
		s.numbers[s.entries[i].id] = s.entries[i].number
	}
	slices.SortStableFunc(s.entries, compareEntries)
	s.route()
	return s
}

func compareEntries(a, b entry) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.id, b.id))
}

func entryOf(t simulator.Thread) entry {
	e := entry{
		start: startOf(t), end: endOf(t), number: t.Number, person: t.PersonID, open: t.State != simulator.Closed, id: t.UUID,
	}
	e.updated = t.UpdatedAt.UnixMilli()
	return e
}

// ServeHTTP answers one request.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Site) route() {
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound, "Not found") })
	open := func(pattern string, do http.HandlerFunc) { s.mux.Handle(pattern, s.count(pattern, do)) }
	open("GET /api/account/{account}/service/{service}/baseURI.json", s.domain)
	open("GET /api/account/{account}/service/baseURI.json", s.domains)
	open("POST /sentinel/api/v2/account/{account}/app/token", s.token)
	open("POST /api/account/{account}/login", s.login)
	const history = "/messaging_history/api/account/{account}/conversations/"
	open("POST "+history+"search", s.brand(s.search))
	open("POST "+history+"conversation/search", s.brand(s.byID))
	open("GET "+history+"consumer/metadata/search", s.consumer(s.metadata))
	open("GET "+history+"conversation/content/search", s.consumer(s.content))
	open("GET /api/account/{account}/configuration/le-users/{list}", s.brand(s.directory))
}

// count counts, delays and throttles requests.
func (s *Site) count(name string, do http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", s.options.Now().UTC().Format(http.TimeFormat))
		s.mu.Lock()
		s.stats.Requests++
		s.stats.Endpoints[name]++
		if now := s.options.Now().Unix(); now != s.second {
			s.second, s.within = now, 0
		}
		s.within++
		over := s.options.Throttle > 0 && s.within > s.options.Throttle
		if over {
			s.stats.Throttled++
		}
		s.mu.Unlock()
		if s.options.Latency > 0 {
			select {
			case <-time.After(s.options.Latency):
			case <-r.Context().Done():
				return
			}
		}
		if over {
			fail(w, http.StatusTooManyRequests, "Too many requests")
			return
		}
		do(w, r)
	})
}

// Stats returns the counts so far.
func (s *Site) Stats() Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	stats := s.stats
	stats.Endpoints = map[string]int64{}
	for name, n := range s.stats.Endpoints {
		stats.Endpoints[name] = n
	}
	return stats
}

type obj = map[string]any

func send(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // all values of the world can be encoded as JSON
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

func fail(w http.ResponseWriter, status int, message string) {
	send(w, status, obj{"message": message})
}

// bad answers with a 400 in the format of a sibling API, whose errors are documented.
func bad(w http.ResponseWriter, causes ...string) {
	send(w, http.StatusBadRequest, obj{"causes": causes, "message": "Please fix the issues detailed in `causes` and try again"})
}
