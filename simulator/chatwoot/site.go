// Package chatwoot is a fake Chatwoot: the Application API of one account, served from a simulator's world.
//
// It must not know the provider that reads it.
package chatwoot

import (
	"net/http"
	"sync"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// The versions of the platform whose bodies a site can send.
const (
	V3_16 = "3.16" // before updated_at, assignee_type and reporting events
	V4_14 = "4.14"
	Docs  = "docs" // the old documentation: timestamps and message types as texts, messages as a bare array
)

// OwnPage is what the page of a single conversation says.
type OwnPage string

const (
	OwnRepeats  OwnPage = ""         // what the list says
	OwnMore     OwnPage = "more"     // a field that the list does not have
	OwnMessages OwnPage = "messages" // all messages, as the documentation says
)

// Role is what a token may do.
type Role string

const (
	Administrator Role = "administrator"
	Agent         Role = "agent" // sees only the inboxes of Options.AgentInboxes
	Bot           Role = "bot"   // may not list conversations
	Outsider      Role = "outsider"
)

// The tokens of a site without Options.Tokens.
const (
	AdministratorToken = "administrator-token"
	AgentToken         = "agent-token"
	BotToken           = "bot-token"
	OutsiderToken      = "outsider-token"
)

// Options describe how a site behaves. The zero value is a new version without limits and latency.
type Options struct {
	Version      string          // V4_14 if empty
	AccountID    int64           // 1 if 0
	Tokens       map[string]Role // the four above if nil
	AgentInboxes []int64         // the first two if nil
	Suspended    bool
	PageSize     int // conversations per page; 25 if 0
	// ReportingEvents says whether the site's edition has reporting events.
	ReportingEvents bool
	// NoUpdatedWithin disables the list's parameter updated_within, as before 3.7.
	NoUpdatedWithin bool
	// Own is what the pages of conversations say. If OwnOnly is not nil, pages of other conversations repeat the list. OwnMost is the largest
	// number of messages in a page, the oldest ones; 0 means that there is no limit. OwnCounted adds how many there should be.
	Own        OwnPage
	OwnOnly    func(number int64) bool
	OwnMost    int
	OwnCounted bool
	Throttle   Throttle
	Latency    time.Duration    // of each answer
	Uneven     bool             // Latency is only the mean: most answers take less, and one in twenty takes three times as long
	Now        func() time.Time // time.Now if nil
}

// Site is one account of a fake Chatwoot. It is safe for concurrent use, and its world may change while it serves.
type Site struct {
	corpus  *simulator.Corpus
	options Options
	mux     *http.ServeMux
	limiter limiter
	stats   counter
	rows    rowCache
	people  sync.Once
	known   []int32 // people whom the contacts endpoint shows

	changing sync.Mutex // held by whoever changes the world, before mu
	nextID   int64      // of messages
	next     int64      // running number of conversations

	mu      sync.RWMutex
	entries []entry                     // ascending by (created, number)
	changed map[int64]*simulator.Thread // what differs from the corpus; nil means deleted
	lists   map[string]selection        // results, discarded at every change
	derived derived

	hooks    []hook
	nextHook int64
}

// New returns a site that serves a world.
func New(corpus *simulator.Corpus, options Options) *Site {
	if options.Version == "" {
		options.Version = V4_14
	}
	if options.AccountID == 0 {
		options.AccountID = 1
	}
	if options.PageSize == 0 {
		options.PageSize = 25
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Tokens == nil {
		options.Tokens = map[string]Role{
			AdministratorToken: Administrator, AgentToken: Agent, BotToken: Bot, OutsiderToken: Outsider,
		}
	}
	if options.AgentInboxes == nil {
		for _, c := range corpus.Channels()[:2] {
			options.AgentInboxes = append(options.AgentInboxes, c.ID)
		}
	}
	s := &Site{
		corpus:  corpus,
		options: options,
		changed: map[int64]*simulator.Thread{},
		nextID:  corpus.NextMessageID(),
		next:    corpus.NextNumber(),
		lists:   map[string]selection{},
	}
	s.limiter.start(options.Throttle, options.Now)
	s.entries = make([]entry, corpus.Len())
	for i := range s.entries {
		s.entries[i] = entryOf(corpus.Outline(i), i)
	}
	s.route()
	return s
}

// ServeHTTP answers one request.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// endpoint answers one request of a caller who may make it.
type endpoint func(w http.ResponseWriter, r *http.Request, c caller)

// route lists the site's endpoints. Patterns are relative to /api/v1/accounts/{account}.
func (s *Site) route() {
	s.mux = http.NewServeMux()
	s.mux.Handle("GET /api/v1/profile", s.guard("profile", s.profile))
	s.mux.HandleFunc("/", s.unknownPath)
	for _, e := range []struct {
		method, path string
		do           endpoint
	}{
		{"GET", "conversations", s.conversations},
		{"GET", "conversations/meta", s.conversationsMeta},
		{"POST", "conversations/filter", s.conversationsFilter},
		{"GET", "conversations/{id}", s.ofConversation(s.show)},
		{"GET", "conversations/{id}/messages", s.ofConversation(s.messages)},
		{"GET", "conversations/{id}/labels", s.ofConversation(s.conversationLabels)},
		{"GET", "conversations/{id}/participants", s.ofConversation(s.participants)},
		{"GET", "conversations/{id}/attachments", s.ofConversation(s.attachments)},
		{"GET", "conversations/{id}/reporting_events", s.ofConversation(s.reportingEvents)},
		{"GET", "contacts", s.contacts},
		{"GET", "contacts/search", s.contactsSearch},
		{"GET", "contacts/{id}", s.contact},
		{"GET", "contacts/{id}/conversations", s.contactConversations},
		{"GET", "agents", s.agents},
		{"GET", "inboxes", s.inboxes},
		{"GET", "teams", s.teams},
		{"GET", "labels", s.labels},
		{"GET", "custom_attribute_definitions", s.fields},
		{"GET", "csat_survey_responses", s.surveys},
		{"GET", "csat_survey_responses/metrics", s.surveyMetrics},
		{"GET", "reporting_events", s.accountEvents},
		{"GET", "webhooks", s.webhooks},
		{"POST", "webhooks", s.createWebhook},
		{"DELETE", "webhooks/{id}", s.deleteWebhook},
	} {
		s.mux.Handle(e.method+" /api/v1/accounts/{account}/"+e.path, s.guard(e.path, e.do))
	}
}

// unknownPath answers requests for unknown paths.
func (s *Site) unknownPath(w http.ResponseWriter, r *http.Request) {
	s.stats.count("unknown", s.options.Now())
	notFound(w)
}
