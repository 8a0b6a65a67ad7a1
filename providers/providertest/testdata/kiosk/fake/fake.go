// Package fake serves Kiosk, a platform that does not exist.
package fake

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
)

// Platform is the fake for demos and for the tests of all platforms.
var Platform = simulator.Platform{
	Provider: "kiosk",
	Title:    "Kiosk",
	Account:  simulator.Account{Token: "kiosk-token"},
	Site:     func(corpus *simulator.Corpus, c simulator.Conduct) http.Handler { return New(corpus, c.Token) },
}

// Site is one account.
type Site struct {
	*http.ServeMux
	corpus *simulator.Corpus
	token  string

	mu      sync.Mutex
	deleted map[string]bool
}

// New returns an account that accepts one token.
func New(corpus *simulator.Corpus, token string) *Site {
	s := &Site{ServeMux: http.NewServeMux(), corpus: corpus, token: token, deleted: map[string]bool{}}
	s.HandleFunc("GET /conversations", s.list)
	s.HandleFunc("GET /conversations/{id}/messages", s.messages)
	s.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, map[string]any{"error": "no such page"})
	})
	return s
}

// ServeHTTP refuses requests without the token.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+s.token {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "no such token"})
		return
	}
	s.ServeMux.ServeHTTP(w, r)
}

// Delete removes a conversation.
func (s *Site) Delete(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deleted[id] = true
}

// Conversations returns the ids of the conversations in a window.
func (s *Site) Conversations(w schemas.Window) (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.corpus.Len() {
		if id := idOf(i); w.Contains(s.corpus.CreatedAt(i)) && !s.deleted[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

// Texts returns the texts of the messages of a conversation, in order.
func (s *Site) Texts(id string) (texts []string) {
	n, _ := strconv.ParseInt(id, 10, 64)
	i, _ := s.corpus.Index(n)
	thread := s.corpus.Thread(i)
	for j := range thread.Len() {
		if text := thread.Message(j).Text; text != nil && *text != "" {
			texts = append(texts, *text)
		}
	}
	return texts
}

func idOf(i int) string { return strconv.FormatInt(simulator.Number(i), 10) }

const pageSize = 7

func (s *Site) list(w http.ResponseWriter, r *http.Request) {
	from, err1 := time.Parse(time.RFC3339, r.FormValue("from"))
	to, err2 := time.Parse(time.RFC3339, r.FormValue("to"))
	after, err3 := strconv.ParseInt("0"+r.FormValue("after"), 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		answer(w, http.StatusUnprocessableEntity, map[string]any{"error": "from, to, after"})
		return
	}
	all := s.Conversations(schemas.Window{From: from, To: to})
	total := len(all)
	all = slices.DeleteFunc(all, func(id string) bool { n, _ := strconv.ParseInt(id, 10, 64); return n <= after })
	body := map[string]any{"total": total}
	if len(all) > pageSize {
		all = all[:pageSize]
		body["next"] = all[pageSize-1]
	}
	rows := []any{}
	for _, id := range all {
		n, _ := strconv.ParseInt(id, 10, 64)
		i, _ := s.corpus.Index(n)
		o := s.corpus.Outline(i)
		rows = append(rows, map[string]any{
			"id": id, "created_at": o.CreatedAt.Format(time.RFC3339), "status": o.State, "priority": o.Priority, "messages": o.Messages,
		})
	}
	body["conversations"] = rows
	answer(w, http.StatusOK, body)
}

func (s *Site) messages(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if s.mu.Lock(); s.deleted[id] {
		s.mu.Unlock()
		answer(w, http.StatusNotFound, map[string]any{"error": "no such conversation"})
		return
	}
	s.mu.Unlock()
	n, _ := strconv.ParseInt(id, 10, 64)
	i, ok := s.corpus.Index(n)
	if !ok {
		answer(w, http.StatusNotFound, map[string]any{"error": "no such conversation"})
		return
	}
	thread := s.corpus.Thread(i)
	rows := []any{}
	for j := range thread.Len() {
		m := thread.Message(j)
		private := m.Kind == simulator.Note
		if private && r.FormValue("notes") == "false" {
			continue
		}
		by := "agent"
		if m.Kind == simulator.In {
			by = "visitor"
		}
		rows = append(rows, map[string]any{
			"id": m.ID, "created_at": m.CreatedAt.Format(time.RFC3339), "by": by, "text": m.Text, "private": private, "delivery": m.Delivery,
		})
	}
	answer(w, http.StatusOK, map[string]any{"messages": rows})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
