package simulator

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestMark wants the same world, with the mark in every name and every text.
func TestMark(t *testing.T) {
	plain := NewCorpus(CorpusConfig{Seed: 5, Conversations: 300})
	marked := NewCorpus(CorpusConfig{Seed: 5, Conversations: 300, Mark: "canary7f3a"})
	texts := 0
	for i := range plain.Len() {
		a, b := plain.Conversation(i), marked.Conversation(i)
		if a.UUID != b.UUID || a.Messages != b.Messages || a.PersonID != b.PersonID || a.LastActivityAt != b.LastActivityAt {
			t.Fatalf("conversation %d is another one with a mark: %+v, without %+v", i, b, a)
		}
		x, y := plain.Thread(i), marked.Thread(i)
		for j := range x.Len() {
			m, n := x.Message(j), y.Message(j)
			if m.ID != n.ID || m.Author != n.Author || m.CreatedAt != n.CreatedAt || (m.Text == nil) != (n.Text == nil) {
				t.Fatalf("message %d of conversation %d is another one with a mark", j, i)
			}
			if n.Text != nil && *n.Text != "" {
				if !strings.HasPrefix(*n.Text, *m.Text) || !strings.HasSuffix(*n.Text, "canary7f3a-text") {
					t.Fatalf("text %q became %q", *m.Text, *n.Text)
				}
				texts++
			}
		}
	}
	if texts < 1000 {
		t.Errorf("only %d texts", texts)
	}
	for k := range marked.People() {
		p := marked.Person(k)
		for _, text := range []string{p.Name, p.Email, p.Identifier} {
			if text != "" && !strings.Contains(text, "canary7f3a") {
				t.Errorf("person %d is called %q", k, text)
			}
		}
		if p.Phone != "" && !strings.HasPrefix(p.Phone, MarkedPhone) {
			t.Errorf("person %d has the phone %q", k, p.Phone)
		}
	}
	unmarked, err := json.Marshal(plain.Agents())
	if err != nil || strings.Contains(string(unmarked), "canary") {
		t.Errorf("agents without a mark: %s, error %v", unmarked, err)
	}
}
