// Package freshchat is a fake Freshchat: the HTTP API of one account and the store of its reports, served from a
// simulator's world.
//
// It must not know the provider that reads it.
package freshchat

import (
	"net/http"
	"sync"
	"time"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
)

// The tokens of a site without Options.Token.
const (
	Token          = "freshchat-token"
	ForbiddenToken = "freshchat-token-without-scopes"
)

// Options describe how a site behaves. The zero value is a new account without limits and latency.
type Options struct {
	Token string // Token if empty
	// Sparse says which conversations have only five fields: "mixed" (one of nine; the default), "all" or "none".
	Sparse string
	// MessagePage and ListPage are the most rows of a page, whatever the request says; 50 if 0.
	MessagePage, ListPage int
	// Envelope says how lists of the directory and of users announce further pages: "both" (the default), "pagination",
	// "links" or "none".
	Envelope string
	// NumberedMessages omits the links between pages of messages.
	NumberedMessages bool
	// Exclusive means that a link excludes the messages of exactly the time that it names; otherwise these come twice.
	Exclusive bool
	// CoarseTimes rounds the times of messages to whole seconds, so that several have the same time.
	CoarseTimes bool
	// MissingInREST and MissingInTranscript remove messages from one lane: those whose number in the world is a multiple of
	// it. 0 means none.
	MissingInREST, MissingInTranscript int64
	// DeletedPeople removes every n-th user; 0 means none.
	DeletedPeople int64
	// NoBatch means an account without POST /users/fetch.
	NoBatch  bool
	Reports  Reports
	Throttle Throttle
	Latency  time.Duration
	Now      func() time.Time // time.Now if nil
}

// Site is one account of a fake Freshchat. It is safe for concurrent use, and conversations may be deleted while it serves.
type Site struct {
	corpus  *simulator.Corpus
	options Options
	mux     *http.ServeMux
	limiter limiter
	stats   counter
	jobs    jobList
	byID    map[string]int
	numbers map[string]int64 // numbers of people by their ids
	byUser  map[int64][]int  // conversations of a person, oldest first
	spans   []span           // of the messages of each conversation

	mu      sync.RWMutex
	deleted map[int]bool
	erased  map[int64]bool // people
	changed map[int]*living
	begun   []int64             // numbers of the conversations that began later; their indexes follow those of the corpus
	active  map[int64]time.Time // when people wrote later
	nextID  int64               // of messages
}

// span is the time range of a conversation's messages, in Unix milliseconds.
type span struct{ from, to int64 }

// New returns a site that serves a world.
func New(corpus *simulator.Corpus, options Options) *Site {
	if options.Token == "" {
		options.Token = Token
	}
	if options.MessagePage == 0 {
		options.MessagePage = 50
	}
	if options.ListPage == 0 {
		options.ListPage = 50
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	s := &Site{
		corpus: corpus, options: options, byID: map[string]int{}, byUser: map[int64][]int{}, numbers: map[string]int64{}, deleted: map[int]bool{}, erased: map[int64]bool{},
		changed: map[int]*living{}, active: map[int64]time.Time{}, nextID: corpus.NextMessageID(),
		spans: make([]span, corpus.Len()),
	}
	s.limiter.start(options.Throttle, options.Now)
	for i := range corpus.Len() {
		t := corpus.Thread(i)
		s.byID[t.UUID] = i
		s.byUser[t.PersonID] = append(s.byUser[t.PersonID], i)
		for j := range t.Len() {
			at := t.CreatedUnix(j) * 1000
			if j == 0 || at < s.spans[i].from {
				s.spans[i].from = at
			}
			s.spans[i].to = max(s.spans[i].to, at+1000)
		}
	}
	for k := range corpus.People() {
		number := corpus.Person(k).ID
		s.numbers[uuid(ofUser, number)] = number
	}
	s.route()
	return s
}

// ServeHTTP answers one request, with the time of the site's clock.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.options.Now().UTC().Format(http.TimeFormat))
	s.mux.ServeHTTP(w, r)
}

// route lists the site's endpoints.
func (s *Site) route() {
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		s.stats.count("unknown", s.options.Now())
		fail(w, http.StatusNotFound, "NOT_FOUND", "not found")
	})
	s.mux.HandleFunc("GET /extracts/{job}/{file}", s.extract)
	for _, e := range []struct {
		method, path string
		do           http.HandlerFunc
	}{
		{"POST", "reports/raw", s.order},
		{"GET", "reports/raw/{id}", s.poll},
		{"GET", "conversations/fields", s.fields},
		{"GET", "conversations/{id}", s.conversation},
		{"GET", "conversations/{id}/messages", s.messages},
		{"GET", "users", s.users},
		{"GET", "users/{id}", s.user},
		{"GET", "users/{id}/conversations", s.userConversations},
		{"POST", "users/fetch", s.fetchUsers},
		{"GET", "agents", s.agents},
		{"GET", "groups", s.groups},
		{"GET", "channels", s.channels},
		{"GET", "roles", s.roles},
		{"GET", "accounts/configuration", s.configuration},
	} {
		s.mux.Handle(e.method+" /v2/"+e.path, s.guard(e.path, e.do))
	}
}

// guard counts, delays and throttles requests and checks the token.
func (s *Site) guard(name string, do http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.stats.count(name, s.options.Now())
		if s.options.Latency > 0 {
			timer := time.NewTimer(s.options.Latency)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-r.Context().Done():
				return
			}
		}
		if !s.limiter.allow() {
			s.stats.throttle()
			fail(w, http.StatusTooManyRequests, "TOO_MANY_REQUESTS", "Too Many Requests")
			return
		}
		switch r.Header.Get("Authorization") {
		case "Bearer " + s.options.Token:
			do(w, r)
		case "Bearer " + ForbiddenToken:
			fail(w, http.StatusForbidden, "FORBIDDEN", "Forbidden")
		default:
			fail(w, http.StatusUnauthorized, "UNAUTHENTICATED", "Unauthenticated Request")
		}
	})
}

// at is conversation i in its current state, and false if there is none.
func (s *Site) at(i int) (simulator.Thread, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch l := s.changed[i]; {
	case s.deleted[i]:
		return simulator.Thread{}, false
	case l != nil:
		return l.Thread, true
	}
	return s.corpus.Thread(i), true
}

// index is the index of the conversation with an id.
func (s *Site) index(id string) (int, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	i, ok := s.byID[id]
	return i, ok
}

func (s *Site) find(id string) (simulator.Thread, bool) {
	i, ok := s.index(id)
	if !ok {
		return simulator.Thread{}, false
	}
	return s.at(i)
}

// DeleteConversation removes a conversation. Finished reports keep its rows.
func (s *Site) DeleteConversation(id string) bool {
	i, ok := s.index(id)
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.deleted[i]
	s.deleted[i] = true
	return !old
}

// Portal is the address of an account's portal, which answers 200 with a web page on every path.
func Portal() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!doctype html><title>Support</title><p>Sign in"))
	})
}

// DeletePerson removes user k, as an erasure does: the user's conversations remain, but without a user.
func (s *Site) DeletePerson(k int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erased[s.corpus.Person(k).ID] = true
}

// ConversationsOfOthers are the conversations of a window whose users still exist.
func (s *Site) ConversationsOfOthers(window schemas.Window) []string {
	var ids []string
	for _, id := range s.Conversations(window) {
		if t, ok := s.find(id); ok && s.hasUser(t.PersonID) {
			ids = append(ids, id)
		}
	}
	return ids
}
