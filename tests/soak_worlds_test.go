package tests

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"sync/atomic"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
	"github.com/chatlake/chatlake/simulator/freshchat"
	"github.com/chatlake/chatlake/simulator/giosg"
	"github.com/chatlake/chatlake/simulator/liveperson"
)

// soaked is the range that every round of a soak exports.
var soaked = schemas.Window{From: year.From, To: year.From.AddDate(0, 2, 0)}

// fake is a site that also knows its own truth.
type fake interface {
	site
	http.Handler
}

// platform is one of the four platforms, with an account of the same name.
type platform struct {
	name    string
	account string // its settings, except provider and base_url
	site    func(*simulator.Corpus) fake
	kinds   []string // of documents that every conversation has
	// share is the share of requests answered with a fault.
	share float64
	// archives means that reports come as archives.
	archives bool
}

var platforms = []platform{{
	name:    "chatwoot",
	account: "{account_id: 1, token: env:CHATWOOT_TOKEN, ",
	site:    func(c *simulator.Corpus) fake { return chatwoot.New(c, chatwoot.Options{}) },
	kinds:   []string{"conversation", "messages"},
	share:   0.02,
}, {
	name:    "freshchat",
	account: "{token: env:FRESHCHAT_TOKEN, options: {reports_per_minute: 0, reports_per_day: 0}, ",
	site: func(c *simulator.Corpus) fake {
		m := monthly{freshchat.New(c, freshchat.Options{}), map[string]schemas.Window{}}
		for _, w := range soaked.Cut("month") {
			for _, id := range m.Conversations(w) {
				m.month[id] = w
			}
		}
		return m
	},
	kinds:    []string{"conversation", "messages", "transcript"},
	share:    0.02,
	archives: true,
}, {
	name: "giosg",
	account: fmt.Sprintf("{account_id: %s, token: env:GIOSG_TOKEN, secrets: {private_keys: env:GIOSG_KEY}, ",
		giosg.Organization),
	site:  func(c *simulator.Corpus) fake { return giosg.New(c, giosg.Options{Encrypted: true, EmptyPages: true}) },
	kinds: []string{"chat", "messages", "memberships", "tags"},
	share: 0.02,
}, {
	name: "liveperson",
	account: fmt.Sprintf("{account_id: %q, secrets: {client_id: env:LIVEPERSON_CLIENT_ID, client_secret: env:LIVEPERSON_CLIENT_SECRET}, ",
		liveperson.DefaultAccount),
	site:  func(c *simulator.Corpus) fake { return liveperson.New(c, liveperson.Options{}) },
	kinds: []string{"record"},
	share: 0.2, // it sends only few requests
}}

// faults are the faults after which nothing is missing. A truncated archive is excluded, because it is not requested again.
func (p platform) faults() []simulator.Fault {
	return slices.DeleteFunc(slices.Clone(simulator.PassingFaults), func(f simulator.Fault) bool {
		return p.archives && f == simulator.WrongLength
	})
}

// switchboard is one address behind which the site changes from round to round.
type switchboard struct{ at atomic.Pointer[http.Handler] }

func (s *switchboard) connect(site http.Handler) { s.at.Store(&site) }

func (s *switchboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*s.at.Load()).ServeHTTP(w, r)
}

// padded adds incompressible bytes in an unknown field to the messages of a Chatwoot site. A window's documents then take some 24 MB,
// enough for uploads in parts.
func padded(site http.Handler, seed uint64, conversations int) http.Handler {
	bytesEach := (36 << 20) / conversations
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path.Base(r.URL.Path) != "messages" {
			site.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		site.ServeHTTP(answer, r)
		noise := make([]byte, bytesEach)
		_, _ = rand.NewChaCha8(sha256.Sum256(fmt.Append(nil, seed, r.URL.Path))).Read(noise) // never fails
		body := bytes.Replace(answer.Body.Bytes(), []byte("{"), []byte(`{"padding":"`+base64.StdEncoding.EncodeToString(noise)+`",`), 1)
		for key, values := range answer.Header() {
			w.Header()[key] = values
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	})
}

// storm disturbs requests to an S3 server: it answers "slow down", drops requests, and loses the answers to completed requests.
type storm struct {
	share float64
	count atomic.Int64
	parts atomic.Int64 // of uploads in parts
}

func (s *storm) pass(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if r.URL.Query().Has("partNumber") {
		s.parts.Add(1)
	}
	dice := rand.Float64() / s.share
	if dice < 1 {
		s.count.Add(1)
	}
	switch {
	case dice < 0.4:
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprint(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`)
	case dice < 0.7:
		panic(http.ErrAbortHandler)
	case dice < 1:
		next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	default:
		next.ServeHTTP(w, r)
	}
}
