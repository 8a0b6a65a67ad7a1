package page

import (
	"net/url"
	"strings"
	"testing"
)

// TestNoTextOnAnyView looks for the text of conversations on every view of a lake that is full of it, and in every answer to a question.
func TestNoTextOnAnyView(t *testing.T) {
	v, _, record := gapped(t)
	seen := 0
	look := func(what, text string) {
		t.Helper()
		seen++
		if strings.Contains(text, canary) {
			t.Errorf("%s has the text of a conversation", what)
		}
	}
	for _, one := range views {
		_, text, _ := v.get(t, one.address())
		look(one.name, text)
	}
	_, text, _ := v.get(t, "/shard?of="+url.QueryEscape(record.Shard.String()))
	look("the window", text)
	token := v.token(t)
	for id, want := range map[string]string{"11": "in the lake, whole", "29": "could not be copied", "77": "not in the lake", canary: "not in the lake"} {
		status, text, h := v.post(t, "/find", url.Values{"token": {token}, "id": {id}, "account": {"acme"}, "created": {"2026-01-05"}})
		if status != 200 || !strings.Contains(text, want) {
			t.Errorf("conversation %s: status %d, and the page does not say %q:\n%s", id, status, want, text)
		}
		if h.Get("Location") != "" {
			t.Errorf("conversation %s: its id is in the address %s", id, h.Get("Location"))
		}
		if id != canary { // the question itself is shown again
			look("conversation "+id, text)
		}
	}
	if seen < len(views)+4 {
		t.Errorf("only %d views were looked at", seen)
	}
}

// TestFindNeedsAForm checks that an id in an address is not looked for.
func TestFindNeedsAForm(t *testing.T) {
	v, _, _ := gapped(t)
	if _, text, _ := v.get(t, "/find?id=11"); strings.Contains(text, "in the lake, whole") {
		t.Error("an id in an address is looked for, so that it ends up in logs of proxies")
	}
	if status, _, _ := v.post(t, "/find", url.Values{"id": {"11"}}); status != 403 {
		t.Errorf("a form without a token has status %d, want 403", status)
	}
	_, text, _ := v.post(t, "/find", url.Values{"token": {v.token(t)}, "id": {"11"}, "created": {"yesterday"}})
	if !strings.Contains(text, "not one like 2025-01-31") {
		t.Errorf("a wrong day is not told:\n%s", text)
	}
}
