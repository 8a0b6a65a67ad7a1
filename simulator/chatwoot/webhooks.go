package chatwoot

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// hook is a webhook of the account.
type hook struct {
	id            int64
	url           string
	subscriptions []string
}

// secret is what the site signs the events of a webhook with. Servers before 4.12 have none.
func (h hook) secret() string { return fmt.Sprintf("secret-of-webhook-%06d", h.id) }

// webhooks is GET webhooks.
func (s *Site) webhooks(w http.ResponseWriter, _ *http.Request, c caller) {
	if !administrator(w, c) {
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var b writer
	b.open('{')
	b.object("payload")
	b.array("webhooks")
	for _, h := range s.hooks {
		s.writeHook(&b, h)
	}
	b.close(']')
	b.close('}')
	b.close('}')
	send(w, &b)
}

func (s *Site) writeHook(b *writer, h hook) {
	b.open('{')
	b.key("id").int(h.id)
	b.key("name").null()
	b.key("url").str(h.url)
	b.key("account_id").int(s.options.AccountID)
	b.strs("subscriptions", h.subscriptions)
	if s.modern() {
		b.key("secret").str(h.secret())
	}
	b.close('}')
}

// createWebhook is POST webhooks. An address is taken once.
func (s *Site) createWebhook(w http.ResponseWriter, r *http.Request, c caller) {
	if !administrator(w, c) {
		return
	}
	var in struct {
		Webhook struct {
			URL           string   `json:"url"`
			Subscriptions []string `json:"subscriptions"`
		} `json:"webhook"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Webhook.URL == "" || len(in.Webhook.Subscriptions) == 0 {
		fail(w, http.StatusUnprocessableEntity, "Subscriptions invalid webhook")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.hooks, func(h hook) bool { return h.url == in.Webhook.URL }) {
		fail(w, http.StatusUnprocessableEntity, "Url has already been taken")
		return
	}
	s.nextHook++
	h := hook{s.nextHook, in.Webhook.URL, in.Webhook.Subscriptions}
	s.hooks = append(s.hooks, h)
	var b writer
	b.open('{')
	b.object("payload")
	b.key("webhook")
	s.writeHook(&b, h)
	b.close('}')
	b.close('}')
	send(w, &b)
}

// deleteWebhook is DELETE webhooks/{id}. Its answer has no body.
func (s *Site) deleteWebhook(w http.ResponseWriter, r *http.Request, c caller) {
	if !administrator(w, c) {
		return
	}
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.hooks, func(h hook) bool { return h.id == id })
	if i < 0 {
		notFound(w)
		return
	}
	s.hooks = slices.Delete(s.hooks, i, i+1)
	w.WriteHeader(http.StatusOK)
}
