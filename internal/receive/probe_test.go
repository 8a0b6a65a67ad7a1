package receive

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
)

// TestProbes sends probes to a receiver, over TLS, and looks at what it counts and keeps.
func TestProbes(t *testing.T) {
	account := Account{Push: fake, Trust: TrustHint, Keys: []string{"new-key", "old-key"}, Paths: []string{"p1"}}
	var ready error
	var kept memory
	clock := time.Duration(0)
	r := &Receiver{
		Accounts: map[string]Account{"acme": account}, Keep: kept.keep, Ready: func() error { return ready },
		Now: func() time.Time { return time.Now().Add(clock) },
	}
	server := httptest.NewTLSServer(r.Handler())
	defer server.Close()
	send := func(a Account) (said []string) {
		for _, p := range Send(t.Context(), server.Client().Transport, server.URL+Path("acme"), "acme", a) {
			text := "not ok"
			if p.OK {
				text = "ok"
			}
			said = append(said, p.Secret+" "+text+" "+p.Text)
		}
		return said
	}
	expect := func(name string, said []string, want ...string) {
		t.Helper()
		if !slices.EqualFunc(said, want, func(text, words string) bool {
			start, rest, _ := strings.Cut(words, "|")
			return strings.HasPrefix(text, start) && strings.Contains(text, rest)
		}) {
			t.Errorf("%s:\n%s\nwant %q", name, strings.Join(said, "\n"), want)
		}
	}
	expect("all in order", send(account), "keys.0 ok|", "keys.1 ok|", "paths.0 ok|")
	clock = 2 * time.Minute
	expect("a clock that is ahead", send(account), "keys.0 not ok|clock differs by", "keys.1 not ok|clock differs by", "paths.0 not ok|clock differs by")
	clock = -time.Hour
	expect("a clock that is behind", send(account), "keys.0 not ok|clock differs by", "keys.1 not ok|clock differs by", "paths.0 not ok|clock differs by")
	clock, ready = 0, ErrFull
	expect("a full spool", send(account), "keys.0 not ok|not_kept: its spool is full", "keys.1 not ok|not_kept", "paths.0 not ok|not_kept")
	ready = nil
	r.places = make(chan struct{})
	expect("no places", send(account), "keys.0 not ok|busy: more requests", "keys.1 not ok|busy", "paths.0 not ok|busy")
	r.places = make(chan struct{}, mostAtOnce)
	strange := account
	strange.Keys, strange.Paths = []string{"of somebody else"}, []string{"p2"}
	expect("other secrets", send(strange), "keys.0 not ok|bad_signature: the receiver does not have this key", "paths.0 not ok|bad_path")
	strange.Keys, strange.Paths = nil, nil
	expect("no secrets", send(strange), " ok|refuses what is not signed")
	want := Stats{"acme": {Ignored: 9, Refused: map[providers.Reason]int64{notKept: 3, busy: 3, providers.BadSignature: 1, badPath: 1, providers.Unsigned: 1}}}
	if diff := cmp.Diff(want, r.Stats()); diff != "" || len(kept.ids()) > 0 {
		t.Errorf("kept %v; counts (-want +got):\n%s", kept.ids(), diff)
	}
}

// TestProbeProvesNothingUnsigned sends requests that only look like probes.
func TestProbeProvesNothingUnsigned(t *testing.T) {
	var kept memory
	r := &Receiver{Accounts: map[string]Account{
		"sure": {Push: fake, Trust: TrustSigned, Keys: []string{"k"}},
		"easy": {Push: fake, Trust: TrustHint, Keys: []string{"k"}, Paths: []string{"p1"}},
	}, Keep: kept.keep}
	handler := r.Handler()
	for _, test := range []struct {
		path, sig string
		status    int
		says      string
	}{
		{"/push/sure", "", 401, "unsigned"},
		{"/push/sure", "other", 401, "bad_signature"},
		{"/push/easy", "", 401, "unsigned"},
		{"/push/easy/p2", "k", 401, "bad_path"},
		{"/push/easy/p1", "other", 401, "bad_signature"},
		{"/push/easy/p1", "", 200, "accepted"},
		{"/push/sure", "k", 200, "accepted"},
	} {
		req := httptest.NewRequest(http.MethodPost, test.path, strings.NewReader("probe"))
		if test.sig != "" {
			req.Header.Set("Sig", test.sig)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		if said, _, _ := strings.Cut(w.Body.String(), "\n"); w.Code != test.status || strings.TrimSpace(said) != test.says {
			t.Errorf("%s signed %q: %d %q, want %d %q", test.path, test.sig, w.Code, said, test.status, test.says)
		}
	}
}

// silence is a server that takes requests and never answers.
type silence struct{ asked int }

func (s *silence) RoundTrip(req *http.Request) (*http.Response, error) {
	s.asked++
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// TestSilence asks once, although there are two keys.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var nobody silence
		got := Send(t.Context(), &nobody, "https://push.example.com/push/acme", "acme", Account{Push: fake, Keys: []string{"new-key", "old-key"}})
		want := []Probe{{Secret: "keys.0", Text: "https://push.example.com/push/acme is not reached: no answer in time (15s); open the port in the firewall, and see that the proxy answers"}}
		if diff := cmp.Diff(want, got); diff != "" || nobody.asked != 1 {
			t.Errorf("asked %d times (-want +got):\n%s", nobody.asked, diff)
		}
	})
}

func TestSpoolReady(t *testing.T) {
	s, err := OpenSpool(t.TempDir(), leastRoom+64)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(); err != nil {
		t.Errorf("an empty spool: %v", err)
	}
	if err := s.Keep(Event{Account: "acme", Conversations: []string{"1"}, ReceivedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(); !errors.Is(err, ErrFull) {
		t.Errorf("with room for less than an announcement: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s.Ready() == nil {
		t.Error("a closed spool is ready")
	}
}
