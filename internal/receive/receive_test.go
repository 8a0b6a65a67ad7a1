package receive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
)

// fake is a platform that signs with its key in a header. Its bodies are ids.
var fake = &providers.Push{
	Read: func(n providers.Notice, keys []string, now time.Time) (providers.Announcement, error) {
		var a providers.Announcement
		if sig := n.Header.Get("Sig"); sig != "" && len(keys) > 0 {
			if a.Signed = contains(keys, sig); !a.Signed {
				return a, providers.Refuse(providers.BadSignature)
			}
		}
		switch text := string(n.Body) + n.Query.Get("id"); text {
		case "panic":
			panic("the text of a conversation")
		case "garbage":
			return a, providers.Refuse(providers.Unreadable)
		case "nothing", "probe":
			a.Probe = text == "probe"
		default:
			a.Conversations = strings.Fields(text)
		}
		if a.Signed {
			a.Stamp = n.Header.Get("Stamp")
		}
		return a, nil
	},
	Key: "a key", CheckKey: func(string) error { return nil }, Headers: []string{"Sig"},
	Probe: func(_, nonce, key string, _ time.Time) providers.Notice {
		n := providers.Notice{Method: http.MethodPost, Header: http.Header{}, Query: url.Values{"nonce": {nonce}}, Body: []byte("probe")}
		if key != "" {
			n.Header.Set("Sig", key)
		}
		return n
	},
}

// memory keeps events in memory.
type memory struct {
	mu     sync.Mutex
	events []Event
	err    error
}

func (m *memory) keep(e Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.events = append(m.events, e)
	}
	return m.err
}

func (m *memory) ids() (all []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.events {
		all = append(all, e.Account+":"+strings.Join(e.Conversations, ","))
	}
	return all
}

func TestRequests(t *testing.T) {
	var kept memory
	var log bytes.Buffer
	r := &Receiver{
		Accounts: map[string]Account{
			"sure": {Push: fake, Trust: TrustSigned, Keys: []string{"new-key", "old-key"}, Paths: []string{"p1"}},
			"easy": {Push: fake, Trust: TrustHint, Keys: []string{"new-key"}, Paths: []string{"p1", "p2"}},
		},
		Keep: kept.keep, Log: slog.New(slog.NewJSONHandler(&log, nil)),
	}
	server := httptest.NewServer(r.Handler())
	defer server.Close()
	for _, test := range []struct {
		name, method, path, sig, body string
		status                        int
		says                          string
	}{
		{"signed", "POST", "/push/sure", "new-key", "1", 200, ""},
		{"signed with the older key", "POST", "/push/sure", "old-key", "2 3", 200, ""},
		{"signed, in a query", "GET", "/push/sure?id=4", "old-key", "", 200, ""},
		{"repeated", "POST", "/push/sure", "new-key", "1", 200, ""},
		{"signed, about nothing", "POST", "/push/sure", "new-key", "nothing", 200, ""},
		{"signed with another key", "POST", "/push/sure", "other", "5", 401, "bad_signature"},
		{"unsigned", "POST", "/push/sure", "", "5", 401, "unsigned"},
		{"unsigned, about nothing", "POST", "/push/sure", "", "nothing", 401, "unsigned"},
		{"the path is not enough", "POST", "/push/sure/p1", "", "5", 401, "unsigned"},
		{"hinted", "POST", "/push/easy/p1", "", "6", 200, ""},
		{"hinted by the other path", "POST", "/push/easy/p2", "", "7", 200, ""},
		{"hinted without a path", "POST", "/push/easy", "", "8", 401, "unsigned"},
		{"hinted by a wrong path", "POST", "/push/easy/p3", "", "8", 401, "bad_path"},
		{"hinted by a part of a path", "POST", "/push/easy/p", "", "8", 401, "bad_path"},
		{"a wrong path, but signed", "POST", "/push/easy/p3", "new-key", "8", 401, "bad_path"},
		{"the right path, but signed wrongly", "POST", "/push/easy/p1", "other", "8", 401, "bad_signature"},
		{"signed without a path", "POST", "/push/easy", "new-key", "9", 200, ""},
		{"unknown account", "POST", "/push/nobody", "new-key", "8", 404, "unknown_account"},
		{"another method", "PUT", "/push/sure", "new-key", "8", 405, "bad_method"},
		{"garbage", "POST", "/push/sure", "new-key", "garbage", 400, "unreadable"},
		{"panic", "POST", "/push/sure", "new-key", "panic", 500, "panicked"},
		{"too large", "POST", "/push/sure", "new-key", strings.Repeat("x", maxBody+1), 413, "too_large"},
		{"somewhere else", "GET", "/", "", "", 404, "not found"},
	} {
		req, err := http.NewRequest(test.method, server.URL+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Sig", test.sig)
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if said, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n"); answer.StatusCode != test.status || said != test.says {
			t.Errorf("%s: %d %q, want %d %q", test.name, answer.StatusCode, body, test.status, test.says)
		}
	}
	want := []string{"sure:1", "sure:2,3", "sure:4", "easy:6", "easy:7", "easy:9"}
	if got := kept.ids(); !cmp.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	stats := Stats{
		"sure": {Accepted: 3, Repeated: 1, Ignored: 1, Refused: map[providers.Reason]int64{
			"bad_signature": 1, "unsigned": 3, "bad_method": 1, "unreadable": 1, "panicked": 1, "too_large": 1,
		}},
		"easy": {Accepted: 3, Refused: map[providers.Reason]int64{"unsigned": 1, "bad_path": 3, "bad_signature": 1}},
		"":     {Refused: map[providers.Reason]int64{"unknown_account": 1}},
	}
	if diff := cmp.Diff(stats, r.Stats()); diff != "" {
		t.Error(diff)
	}
	for _, secret := range []string{"text of a conversation", "new-key", "nobody", "p3", "garbage"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %q: %s", secret, log.String())
		}
	}
	if n := strings.Count(log.String(), `"reason":"unsigned"`); n != 2 { // one for each account
		t.Errorf("%d lines about unsigned announcements", n)
	}
}

// TestSameBody sends the same body several times. What was signed at another time is about something else: platforms do not write every
// change into what they announce.
func TestSameBody(t *testing.T) {
	var kept memory
	r := &Receiver{Accounts: map[string]Account{"acme": {Push: fake, Trust: TrustSigned, Keys: []string{"key"}}}, Keep: kept.keep}
	h := r.Handler()
	for _, stamp := range []string{"1", "2", "1", "2", "3"} {
		req := httptest.NewRequest(http.MethodPost, "/push/acme", strings.NewReader("7"))
		req.Header.Set("Sig", "key")
		req.Header.Set("Stamp", stamp)
		h.ServeHTTP(httptest.NewRecorder(), req)
	}
	if stats := r.Stats()["acme"]; stats.Accepted != 3 || stats.Repeated != 2 || len(kept.ids()) != 3 {
		t.Errorf("%+v, kept %v; want 3 accepted, 2 repeated", stats, kept.ids())
	}
}

// TestNotKept sends an announcement that cannot be kept, and then again: only what was kept counts as repeated.
func TestNotKept(t *testing.T) {
	kept := memory{err: errors.New("no space left on the device")}
	r := &Receiver{Accounts: map[string]Account{"sure": {Push: fake, Trust: TrustSigned, Keys: []string{"k"}}}, Keep: kept.keep}
	handler := r.Handler()
	send := func() int {
		req := httptest.NewRequest("POST", "/push/sure", strings.NewReader("1"))
		req.Header.Set("Sig", "k")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		return w.Code
	}
	if code := send(); code != 503 {
		t.Errorf("answered %d", code)
	}
	kept.err = nil
	if code := send(); code != 200 || len(kept.ids()) != 1 {
		t.Errorf("answered %d, kept %v", code, kept.ids())
	}
}

// TestSlowAndBroken sends requests that never end and that end early.
func TestSlowAndBroken(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the timeout of a request")
	}
	r := &Receiver{Accounts: map[string]Account{"sure": {Push: fake, Trust: TrustSigned, Keys: []string{"k"}}}, Keep: (&memory{}).keep}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx, l) }()
	begin := func(n string) net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "POST /push/sure HTTP/1.1\r\nHost: x\r\nContent-Length: "+n+"\r\n\r\n1"); err != nil {
			t.Fatal(err)
		}
		return c
	}
	begin("1000").Close()
	slow := begin("1000")
	defer slow.Close()
	if err := slow.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(slow)
	if !strings.Contains(string(answer), "408") {
		t.Errorf("answered %q, %v", answer, err)
	}
	if got := r.Stats()["sure"].Refused; got[tooSlow] != 1 || got[brokenOff] != 1 {
		t.Errorf("refused %v", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestSeenIsBounded(t *testing.T) {
	var s seen
	now := time.Now()
	key := func(i int) (k [16]byte) {
		k[0], k[1], k[2] = byte(i), byte(i>>8), byte(i>>16)
		return k
	}
	for i := range mostSeen + 10 {
		s.add(key(i), now)
	}
	if !s.has(key(0), now) || len(s.newer) != 10 || len(s.older) != mostSeen {
		t.Errorf("%d and %d are remembered", len(s.newer), len(s.older))
	}
	if now = now.Add(rememberFor); !s.has(key(mostSeen+5), now) || s.has(key(0), now) {
		t.Error("an announcement is forgotten too early or too late")
	}
	if now = now.Add(rememberFor); s.has(key(mostSeen+5), now) {
		t.Error("an announcement is remembered for ever")
	}
}
