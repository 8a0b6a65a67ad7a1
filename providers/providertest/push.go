package providertest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// Refused is why an announcement was refused, or empty if err is nil. Another error fails the test.
func Refused(t testing.TB, err error) providers.Reason {
	t.Helper()
	var refusal *providers.Refusal
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &refusal):
		t.Fatalf("%v is no Refusal", err)
	}
	return refusal.Reason
}

// Announced is what came of a notice, in one text: the ids of the conversations, "-" if there are none, or why it was refused.
func Announced(t testing.TB, a providers.Announcement, err error) string {
	t.Helper()
	switch {
	case err != nil:
		return string(Refused(t, err))
	case len(a.Conversations) == 0:
		return "-"
	}
	return strings.Join(a.Conversations, " ")
}

// Probes checks that a provider recognizes its own probes, with each of the keys and without one, and no others. keys are empty if it
// cannot sign.
func Probes(t *testing.T, p providers.Push, accountID string, keys ...string) {
	t.Helper()
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	read := func(n providers.Notice, keys []string) (providers.Announcement, string) {
		t.Helper()
		a, err := p.Read(n, keys, now)
		return a, Announced(t, a, err)
	}
	for _, key := range keys {
		n := p.Probe(accountID, "nonce", key, now)
		if a, said := read(n, keys); said != "-" || !a.Signed || !a.Probe {
			t.Errorf("signed: %s, %+v", said, a)
		}
		if a, said := read(n, []string{"the key of somebody else"}); said != string(providers.BadSignature) {
			t.Errorf("signed with another key: %s, %+v", said, a)
		}
	}
	n := p.Probe(accountID, "nonce", "", now)
	if a, said := read(n, keys); said != "-" || a.Signed || !a.Probe {
		t.Errorf("unsigned: %s, %+v", said, a)
	}
	if other := p.Probe(accountID, "another nonce", "", now); string(other.Body) == string(n.Body) {
		t.Error("two probes are equal")
	}
}
