package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// month is a month of 2025.
func month(m int) schemas.Window {
	from := time.Date(2025, time.Month(m), 1, 0, 0, 0, 0, time.UTC)
	return schemas.Window{From: from, To: from.AddDate(0, 1, 0)}
}

// canary is a word of a conversation. It must be on no page.
const canary = "zebrafinch"

// put commits a window of acme with conversations that contain the canary.
func put(t *testing.T, l *lake.Lake, w schemas.Window, whole, dead []string, change func(*ledger.Record)) ledger.Record {
	t.Helper()
	shard := ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: schemas.StreamCreated, Window: w}
	seal, err := lake.NewSeal(t.Context(), l.Store(), l.Scratch(), shard, "test")
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := w.To
	for _, id := range whole {
		must(seal.Thread(schemas.Thread{
			Conversation: schemas.Conversation{ConversationID: id, ObservedAt: at, CreatedAt: &w.From, StoredMessages: 1, Subject: new(canary)},
			Messages:     []schemas.Message{{ConversationID: id, MessageID: "1", ObservedAt: at, Text: new(canary + " at the window")}},
		}))
		must(seal.Document(schemas.Document{Kind: "messages", ConversationID: id, Status: 200, ObservedAt: at, Body: []byte(canary)}))
	}
	for _, id := range dead {
		must(seal.DeadLetter(schemas.DeadLetter{ConversationID: id, ObservedAt: at, Step: "FetchMessages", ErrorKind: "Timeout", Detail: new("status 500"), Attempts: 4}))
	}
	r := ledger.Record{Shard: shard, Generation: 1, SpecDigest: w.String(), WorkflowID: "shard/" + shard.String(), RunID: "run-1", Cause: ledger.CauseExport}
	r.Counts = ledger.Counts{
		Listed: int64(len(whole) + len(dead)), Conversations: int64(len(whole)), Dead: int64(len(dead)), Messages: int64(len(whole)), Documents: int64(len(whole)),
	}
	r.TotalAfter = &r.Counts.Listed
	r.Files, err = seal.Close(t.Context())
	must(err)
	if change != nil {
		change(&r)
	}
	_, standing, err := l.Commit(t.Context(), r)
	must(err)
	return standing
}

// gapped is a page beside a lake with a gap, a dead letter, a count that differs and a tombstone.
func gapped(t *testing.T) (*visitor, worker.Config, ledger.Record) {
	t.Helper()
	c := config(t)
	l, err := worker.OpenLake(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	first := put(t, l, month(1), []string{"11", "12"}, nil, nil)
	put(t, l, month(2), []string{"21"}, []string{"29"}, nil)
	put(t, l, month(4), []string{"41"}, nil, func(r *ledger.Record) {
		n := int64(5)
		r.TotalAfter, r.Flags = &n, []string{"count_mismatch"}
	})
	return local(New(Options{Config: c, TemporalUI: "http://127.0.0.1:8233"})), c, first
}

// shows gets a view, checks it, and returns its text.
func shows(t *testing.T, v *visitor, path string, want ...string) string {
	t.Helper()
	status, text, _ := v.get(t, path)
	if status != http.StatusOK {
		t.Errorf("%s: status %d", path, status)
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%s lacks %q:\n%s", path, w, text)
		}
	}
	if strings.Contains(text, canary) {
		t.Errorf("%s has the text of a conversation", path)
	}
	tree, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	headings := 0
	for n := range tree.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "h1" {
			headings++
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("%s: <%s> has %s, which the policy forbids", path, n.Data, a.Key)
			}
		}
	}
	if headings != 1 {
		t.Errorf("%s has %d first headings, want 1", path, headings)
	}
	return text
}

func TestCoverageView(t *testing.T) {
	v, _, first := gapped(t)
	shows(t, v, "/coverage", "Coverage, 2025", `<th scope="col">Jan</th>`, "To look at: 1 missing and 2 with gaps.",
		`href="/shard?of=`+url.QueryEscape(first.Shard.String())+`"`, "acme created, 2025-01-01 to 2025-02-01: complete; 2 conversations in 1 window; the platform counted 2, 2 were listed",
		"1 conversation could not be copied", "the platform counted 5, 1 were listed", ">missing</span>", "Which windows are being copied is not known. No chatlake process is running here")
	shows(t, v, "/coverage?in=all", "Coverage, all years", `<th scope="col">2025</th>`, "4</span>")
	shows(t, v, "/coverage?in=2025-02&account=acme", "Coverage, February 2025", `colspan="28"`, `href="/coverage?account=acme&amp;in=2025-03"`)
	shows(t, v, "/coverage?in=2025-02-03", "Coverage, 3 February 2025", "2025-02-01 to 2025-03-01", "with gaps")
	shows(t, v, "/coverage?in=2019", "The ledger has nothing of this time.")
	for _, in := range []string{"later", "2025-13", "<b>", "0001", "99999"} {
		status, text, _ := v.get(t, "/coverage?in="+url.QueryEscape(in))
		if status != http.StatusBadRequest || strings.Contains(text, "<b>") || !strings.Contains(text, "expected all, a year") {
			t.Errorf("range %q: status %d: %s", in, status, text)
		}
	}
}

func TestShardView(t *testing.T) {
	v, _, first := gapped(t)
	name := func(m int) string { return "/shard?of=" + url.QueryEscape("acme/created/"+month(m).String()) }
	text := shows(t, v, name(1), "acme created, 2025-01-01 to 2025-02-01", "complete", first.Digest, first.Files[0].SHA256, first.Files[0].Key, "2 conversations: 2 copied, 0 gone",
		"http://127.0.0.1:8233/namespaces/default/workflows/shard%2Facme%2Fcreated%2F20250101T000000Z~20250201T000000Z/run-1/history", "Copy it again", "--refresh")
	if strings.Contains(text, "Try again now") {
		t.Error("a window that nobody copies can be tried again")
	}
	shows(t, v, name(2), "with gaps", "Conversations that could not be copied", ">29<", "Timeout", "status 500")
	shows(t, v, name(3), "not in the lake", "Copy it")
	shows(t, v, name(4), "the platform counted 5, 1 were listed", "count_mismatch")
	for _, of := range []string{"", "acme", "acme/created/x", "acme/nothing/" + month(1).String(), "../../etc/" + month(1).String()} {
		if status, _, _ := v.get(t, "/shard?of="+url.QueryEscape(of)); status != http.StatusBadRequest {
			t.Errorf("window %q: status %d", of, status)
		}
	}
}

func TestGapsView(t *testing.T) {
	v, c, _ := gapped(t)
	gap := "acme/created/" + month(3).String()
	shows(t, v, "/gaps", "3 gaps", "2025-03-01 to 2025-04-01", "chatlake export --account acme --from 2025-03-01 --to 2025-04-01", `value="`+gap+`"`, "Accept…", "1 conversation could not be copied")

	// Whoever may only look gets no forms, and no orders.
	v.peer = "192.0.2.7:50000"
	text := shows(t, v, "/gaps", "3 gaps", "read only")
	if strings.Contains(text, "<form") {
		t.Error("somebody who may only look gets forms")
	}
	v.peer = "127.0.0.1:50000"

	order := func(form url.Values) string {
		t.Helper()
		form.Set("token", v.token(t))
		status, _, h := v.post(t, "/gaps", form)
		if status != http.StatusSeeOther {
			t.Fatalf("%v: status %d", form, status)
		}
		_, text, _ := v.get(t, h.Get("Location"))
		return text
	}
	for of, want := range map[string]string{"acme/created/x": "not the name of a window", "other/created/" + month(3).String(): "no account other", "acme/created/" + month(1).String(): "There is no gap"} {
		if text := order(url.Values{"order": {"accept"}, "of": {of}, "reason": {"why not"}}); !strings.Contains(text, want) {
			t.Errorf("accept %s: lacks %q", of, want)
		}
	}
	if text := order(url.Values{"order": {"accept"}, "of": {gap}, "reason": {" "}}); !strings.Contains(text, "The reason is missing") {
		t.Error("a gap was accepted without a reason")
	}
	if text := order(url.Values{"order": {"missing"}, "of": {gap}}); !strings.Contains(text, "No chatlake process is running here") {
		t.Error("a gap is copied by nobody")
	}
	text = order(url.Values{"order": {"accept"}, "of": {gap}, "reason": {"the <office> was closed"}})
	for _, want := range []string{"Accepted: acme/created, 2025-03-01 to 2025-04-01: the &lt;office&gt; was closed (this machine", "Accepted, or not due yet"} {
		if !strings.Contains(text, want) {
			t.Errorf("an accepted gap: lacks %q:\n%s", want, text)
		}
	}
	l, err := inspect.Open(t.Context(), c, "acme")
	if err != nil {
		t.Fatal(err)
	}
	gaps, err := l.Gaps(t.Context())
	if err != nil || len(gaps.Open) != 0 || len(gaps.Accepted) != 1 || !strings.HasPrefix(gaps.Accepted[0].Reason, "the <office> was closed (") {
		t.Errorf("the ledger has %+v, error %v", gaps, err)
	}
}

func TestLakeView(t *testing.T) {
	v, c, _ := gapped(t)
	shows(t, v, "/lake", "3 windows", "never verified", "not published", "no limit known", ">conversations<", ">dead_letters<")
	l, err := inspect.Open(t.Context(), c, "acme")
	if err != nil {
		t.Fatal(err)
	}
	found, err := l.Verify(t.Context(), schemas.Window{}, inspect.VerifyOptions{Deep: true})
	if err == nil {
		err = l.KeepVerified(t.Context(), found)
	}
	if err != nil {
		t.Fatal(err)
	}
	v = local(New(Options{Config: c}))
	shows(t, v, "/lake", "not whole", "every file read", "3 problems")
}

// BenchmarkCoverageView answers with a year of 10,000 windows.
func BenchmarkCoverageView(b *testing.B) {
	root := b.TempDir()
	c := worker.Config{
		StateDir: b.TempDir(), Lake: worker.LakeConfig{URL: "file:" + root}, Accounts: map[string]worker.AccountConfig{"acme": {Provider: "chatwoot", AccountID: "1"}},
	}.WithDefaults()
	from := month(1).From
	for i := range 10_000 {
		at := from.Add(time.Duration(i) * 50 * time.Minute)
		shard := ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: schemas.StreamChanges, Window: schemas.Window{From: at, To: at.Add(50 * time.Minute)}}
		text, err := json.Marshal(ledger.Record{FormatVersion: 1, Shard: shard, Generation: 1, Counts: ledger.Counts{Listed: 3, Conversations: 3}, Digest: fmt.Sprint(i)})
		folder := filepath.Join(root, "_ledger/v1/provider=chatwoot/account=acme/stream=changes", shard.Window.String())
		if err == nil {
			err = os.MkdirAll(folder, 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, "g0001.json"), text, 0o600)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	p := New(Options{Config: c})
	began := time.Now()
	if _, err := p.contents(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Logf("the ledger was read in %s", time.Since(began))
	for _, path := range []string{"/coverage?in=all", "/coverage?in=2025", "/coverage?in=2025-05", "/coverage?in=2025-05-12", "/gaps", "/lake"} {
		b.Run(path, func(b *testing.B) {
			v := local(p)
			for b.Loop() {
				p.ledger.until = time.Now().Add(time.Hour) // as if it had just been read
				r := httptest.NewRequest("GET", path, nil)
				r.RemoteAddr, r.Host = v.peer, v.host
				w := httptest.NewRecorder()
				if p.ServeHTTP(w, r); w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
