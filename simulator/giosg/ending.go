package giosg

import (
	"encoding/json"
	"net/http"
	"time"
)

// EndPlace is where a site lets chats end.
type EndPlace string

const (
	EndsEverywhere EndPlace = ""
	EndsAsUser     EndPlace = "user"         // only the chats of the token's user
	EndsOwned      EndPlace = "organization" // only the chats of the organization
)

// endAsUser is PATCH users/{user}/chats/{chat}.
func (s *Site) endAsUser(w http.ResponseWriter, r *http.Request) {
	if s.options.EndsAt == EndsOwned || r.PathValue("user") != s.user() {
		fail(w, http.StatusNotFound, "Not found.") // as for a user who is not a member of the chat
		return
	}
	s.end(w, r)
}

// endOwned is PATCH owned_chats/{chat}.
func (s *Site) endOwned(w http.ResponseWriter, r *http.Request) {
	if s.options.EndsAt == EndsAsUser {
		fail(w, http.StatusMethodNotAllowed, "Method \"PATCH\" not allowed.")
		return
	}
	s.end(w, r)
}

// user is the id of the token's user.
func (s *Site) user() string { return uuid("user", s.corpus.Agents()[0].ID) }

// end ends a chat at once and for good.
func (s *Site) end(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("chat")
	var change map[string]any
	if err := json.NewDecoder(r.Body).Decode(&change); err != nil || len(change) != 1 || change["is_ended"] != true {
		fail(w, http.StatusBadRequest, "This field is required.")
		return
	}
	if s.options.RefuseEnd != nil {
		if status := s.options.RefuseEnd(id); status != 0 {
			fail(w, status, "You cannot end this chat.")
			return
		}
	}
	s.mu.Lock()
	e, ok := s.entry(id)
	if !ok {
		s.mu.Unlock()
		fail(w, http.StatusNotFound, "Not found.")
		return
	}
	s.ends[id]++
	s.close(e)
	chat := s.open(e)
	s.mu.Unlock()
	send(w, chat.fields())
}

// Ends is how often each chat was ended by a request that was carried out.
func (s *Site) Ends() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	ends := map[string]int{}
	for id, n := range s.ends {
		ends[id] = n
	}
	return ends
}

// Unended are the ids of the chats that have not ended and were last updated before a time, oldest first.
func (s *Site) Unended(before time.Time) (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		if c := s.open(e); c.ended.IsZero() && c.updated.Before(before) {
			ids = append(ids, c.id)
		}
	}
	return ids
}

// EndChat ends a chat as an agent does.
func (s *Site) EndChat(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entry(id)
	return ok && s.close(e)
}

// close ends a chat, unless it has ended. The caller holds s.mu.
func (s *Site) close(e entry) bool {
	if s.hasEnded(e) {
		return false
	}
	s.ended[e.number] = s.options.Now().UTC().Truncate(time.Millisecond)
	clear(s.lists)
	return true
}
