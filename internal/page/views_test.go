package page

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// noon is when all is well.
var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// showsState returns a page that shows a state, however long the test takes.
func showsState(t *testing.T, s state, accounts ...string) *Page {
	t.Helper()
	c := config(t)
	c.Accounts = map[string]worker.AccountConfig{}
	for _, name := range accounts {
		c.Accounts[name] = worker.AccountConfig{Provider: "chatwoot", AccountID: "1", RequestsPerSecond: 10, Sync: &activities.SyncSettings{Every: 15 * time.Minute}}
	}
	p := New(Options{Config: c})
	p.now = func() time.Time { return noon }
	p.state.value, p.state.until = s, time.Now().Add(time.Hour)
	return p
}

// fresh is an account whose copy is some time behind.
func freshAccount(name string, behind time.Duration) inspect.Freshness {
	at, lag := noon.Add(-behind), behind.Seconds()
	return inspect.Freshness{Account: name, At: noon, Watermark: &at, LagSeconds: &lag}
}

// TestHeadline has the state of accounts, and what the first sentence says of it.
func TestHeadline(t *testing.T) {
	blocked := operate.Snapshot{State: workflows.StateBlocked, Windows: 3, Blocked: []workflows.BlockedShard{{Shard: "shard/acme/created/x", Kind: "Denied", Detail: "HTTP 401"}}}
	syncing := func(p operate.Snapshot) []operate.Upkeep {
		return []operate.Upkeep{{Schedule: operate.Schedule{ID: "sync/acme", Account: "acme", Kind: operate.KindSync, Running: []string{"sync/acme-x"}}, Progress: &p}}
	}
	gap := freshAccount("acme", time.Minute)
	gap.Gaps = []inspect.Gap{{Account: "acme", Stream: schemas.StreamCreated, Window: schemas.Window{From: gap.At.AddDate(0, -2, 0), To: gap.At.AddDate(0, -1, 0)}}}
	toGo := freshAccount("acme", time.Minute)
	toGo.ToGo = &schemas.Window{From: noon.AddDate(-1, 0, 0), To: noon.AddDate(0, -1, 0)}
	for _, tt := range []struct {
		what                string
		state               state
		word, sentence, row string
	}{
		{"all is well", state{Freshness: []inspect.Freshness{freshAccount("acme", 2*time.Minute)}}, "yes", "Everything is copied up to 2026-11-30 11:58:00 UTC.", "current"},
		{"far behind", state{Freshness: []inspect.Freshness{freshAccount("acme", 3*time.Hour)}}, "no", "acme is behind its platform.", "behind"},
		{"blocked", state{Freshness: []inspect.Freshness{freshAccount("acme", time.Minute)}, Schedules: syncing(blocked)}, "no", "acme waits for a person.", "blocked"},
		{"a gap", state{Freshness: []inspect.Freshness{gap}}, "not quite", "but for what is missing of acme.", "with gaps"},
		{"a window that is not whole", state{Freshness: []inspect.Freshness{freshAccount("acme", time.Minute)}, Weak: map[string]int{"acme": 2}}, "not quite", "but for what is missing of acme.", "with gaps"},
		{"a record that cannot be read", state{Freshness: []inspect.Freshness{freshAccount("acme", time.Minute)}, Unreadable: 1}, "not quite", "1 record of the ledger cannot be read", "current"},
		{"history to go", state{Freshness: []inspect.Freshness{toGo}}, "not yet", "The history of acme is being copied.", "copying"},
		{"paused", state{Freshness: []inspect.Freshness{freshAccount("acme", time.Minute)}, Schedules: syncing(operate.Snapshot{State: workflows.StatePaused})}, "no", "acme is paused.", "paused"},
		{"nothing yet", state{Freshness: []inspect.Freshness{{Account: "acme", At: noon}}}, "no", "Nothing of acme is in the lake yet.", "nothing yet"},
		{"no lake to read", state{LakeProblem: "Denied."}, "not known", "The lake cannot be read.", "unknown"},
	} {
		p := showsState(t, tt.state, "acme")
		m, err := nowModel(t.Context(), p, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := m.(now)
		if got.Headline.Word != tt.word || !strings.Contains(got.Sentence, tt.sentence) || got.Accounts[0].Mark.Word != tt.row {
			t.Errorf("%s: %q %q, the account is %q; want %q, %q and %q", tt.what, got.Headline.Word, got.Sentence, got.Accounts[0].Mark.Word, tt.word, tt.sentence, tt.row)
		}
	}
}

// TestProblemsFirst checks the order of accounts.
func TestProblemsFirst(t *testing.T) {
	s := state{Freshness: []inspect.Freshness{freshAccount("a", time.Minute), freshAccount("b", 5*time.Hour), freshAccount("c", time.Minute)}}
	m, err := nowModel(t.Context(), showsState(t, s, "a", "b", "c"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if first := m.(now).Accounts[0].Name; first != "b" {
		t.Errorf("the first account is %s, want b, which is behind", first)
	}
}

// busy is a state with something of everything.
func busy() state {
	until := noon.Add(time.Hour)
	export := operate.Snapshot{
		At: noon, State: workflows.StateRunning, Windows: 24, Done: 9, InFlight: 2, Conversations: 4000, Expected: 9000, Messages: 30000, Requests: 8000, Throttled: 3, Rate: 5, Account: 10,
		Waiting: []operate.Wait{{Waiting: workflows.Waiting{For: workflows.ForPlatform, Why: "429", Since: noon, Until: &until}, Windows: 1}},
		Blocked: []workflows.BlockedShard{{Shard: "shard/acme/created/20260101T000000Z~20260201T000000Z", Kind: "Denied", Detail: "HTTP 401"}},
		Yields:  &operate.Wait{Waiting: workflows.Waiting{For: workflows.ForSync, Why: "it goes first"}},
	}
	last := noon.Add(-time.Minute)
	return state{
		At: noon, Freshness: []inspect.Freshness{freshAccount("acme", time.Minute)},
		Exports: []operate.Export{
			{Account: "acme", Name: "2026", Status: operate.StatusRunning, StartedAt: noon.Add(-time.Hour), Progress: &export},
			{Account: "acme", Name: "2025", Status: operate.StatusDone, StartedAt: noon.Add(-9 * time.Hour), Result: &workflows.ExportOutput{Complete: true}},
		},
		Schedules: []operate.Upkeep{
			{Schedule: operate.Schedule{ID: "sync/acme", Account: "acme", Kind: operate.KindSync, Times: "every 15m", Next: &until, Last: &last}, Ended: &operate.Ended{State: workflows.StateComplete}},
			{Schedule: operate.Schedule{ID: "settle/acme", Account: "acme", Kind: operate.KindSettle, Paused: true, Note: "upgrade"}},
		},
	}
}

// addresses are those of all views, with everything that they can show.
func addresses() (all []string) {
	for _, v := range views {
		all = append(all, v.address())
	}
	return append(all, "/export?of="+url.QueryEscape("export/acme/2026"), "/export?of=gone", "/budget?account=acme")
}

// TestMarkup checks of every view what a browser, a screen reader and the policy need.
func TestMarkup(t *testing.T) {
	p := showsState(t, busy(), "acme")
	p.meter.begin(noon.Add(-time.Hour))
	for i := range 30 {
		at := noon.Add(time.Duration(i-30) * sampleEvery)
		p.meter.add(at, map[string]worker.Spent{"acme": {Sent: int64(i * 90), Throttled: int64(i / 20), Tolerated: 9}}, func(string) float64 { return 10 })
	}
	v := local(p)
	for _, address := range addresses() {
		status, text, h := v.get(t, address)
		if status != 200 && status != 503 && address != "/shard" || !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
			t.Errorf("%s: status %d, %s", address, status, h.Get("Content-Type"))
		}
		for _, complaint := range complaints(text) {
			t.Errorf("%s: %s", address, complaint)
		}
	}
	_, text, _ := v.get(t, "/export?of="+url.QueryEscape("export/acme/2026"))
	for _, want := range []string{"9 of 24 windows done, 2 in flight", "4,000 of ~9,000 conversations", "Denied", "HTTP 401", "the account&#39;s token", "about 13:15:00 UTC, in 1 h 15 min", `value="cancel"`, `value="pause"`, "upgrade"} {
		if !strings.Contains(text, want) {
			t.Errorf("the view of an export lacks %q", want)
		}
	}
	_, text, _ = v.get(t, "/budget")
	for _, want := range []string{"<svg", `class="refused"`, `class="limit"`, "9.0 requests a second over the last minute", "The same as a table", "the platform has refused more"} {
		if !strings.Contains(text, want) {
			t.Errorf("the view of budgets lacks %q", want)
		}
	}
}

// complaints are what is wrong with the markup of a view.
func complaints(text string) (all []string) {
	ids, labels := map[string]int{}, []string{}
	h1, main, lang := 0, 0, false
	z := html.NewTokenizer(strings.NewReader(text))
	labelled := 0
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			if z.Err() != io.EOF {
				all = append(all, z.Err().Error())
			}
			break
		}
		token := z.Token()
		if kind == html.EndTagToken && token.Data == "label" {
			labelled--
		}
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		attributes := map[string]string{}
		for _, a := range token.Attr {
			attributes[a.Key] = a.Val
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				all = append(all, fmt.Sprintf("<%s> has %s, which the policy forbids", token.Data, a.Key))
			}
			if strings.Contains(a.Val, "ZgotmplZ") {
				all = append(all, "a value was refused by the template: "+a.Key)
			}
		}
		if id := attributes["id"]; id != "" {
			ids[id]++
		}
		if by := attributes["aria-labelledby"]; by != "" {
			labels = append(labels, by)
		}
		switch token.Data {
		case "h1":
			h1++
		case "main":
			main++
		case "html":
			lang = attributes["lang"] != ""
		case "label":
			labelled++
		case "style":
			all = append(all, "an inline style sheet")
		case "script":
			if attributes["src"] == "" {
				all = append(all, "an inline script")
			}
		case "form":
			if attributes["method"] != "post" {
				all = append(all, "a form without method post")
			}
		case "input", "select", "textarea":
			if attributes["type"] != "hidden" && labelled < 1 && attributes["aria-label"] == "" {
				all = append(all, "a field without a label: "+attributes["name"])
			}
		case "img", "a", "link":
			for _, key := range []string{"href", "src"} {
				if at := attributes[key]; strings.Contains(at, "//") && !strings.HasPrefix(at, "http://127.0.0.1") {
					all = append(all, "something of elsewhere: "+at)
				}
			}
			if _, ok := attributes["alt"]; token.Data == "img" && !ok {
				all = append(all, "an image without alt")
			}
		case "th":
			if attributes["scope"] == "" {
				all = append(all, "a heading of a table without scope")
			}
		}
	}
	for id, n := range ids {
		if n > 1 {
			all = append(all, fmt.Sprintf("id %s is there %d times", id, n))
		}
	}
	for _, id := range labels {
		if ids[id] == 0 {
			all = append(all, "aria-labelledby names "+id+", which is not there")
		}
	}
	if h1 != 1 || main != 1 || !lang {
		all = append(all, fmt.Sprintf("%d h1, %d main, lang %v", h1, main, lang))
	}
	slices.Sort(all)
	return all
}

// TestComplaints checks that TestMarkup can fail.
func TestComplaints(t *testing.T) {
	for _, text := range []string{
		`<p style="x">`, `<p onclick="x">`, `<p id="a"><p id="a">`, `<form>`, `<input name="x">`, `<script>1</script>`, `<img src="https://elsewhere.example/x">`, `<section aria-labelledby="x">`, `<th>`,
	} {
		whole := `<html lang="en"><main><h1>x</h1></main>`
		if got := complaints(whole + text); len(got) == 0 {
			t.Errorf("%s: nothing is found", text)
		}
		if got := complaints(whole); len(got) > 0 {
			t.Errorf("a sound page: %v", got)
		}
	}
}

// TestForecast has a run whose rate has doubled.
func TestForecast(t *testing.T) {
	var m meter
	look := func(minute int, conversations int64) operate.Snapshot {
		return operate.Snapshot{At: noon.Add(time.Duration(minute) * time.Minute), Conversations: conversations, Expected: 20000, Requests: 2 * conversations}
	}
	m.follow("x", look(0, 6000))
	m.follow("x", look(8, 8400))                                    // 5 a second
	m.follow("x", look(10, 9600))                                   // 10 a second
	f := m.forecast("x", look(10, 9600), noon.Add(-50*time.Minute)) // 2.67 a second since it began
	if f.Rate != 10 || f.Requests != 20 {
		t.Errorf("%.2f conversations and %.2f requests a second, want 10 and 20", f.Rate, f.Requests)
	}
	early, late := noon.Add(10*time.Minute+1040*time.Second), noon.Add(10*time.Minute+3900*time.Second)
	if !f.Known || !f.Earliest.Equal(early) || !f.Latest.Equal(late) {
		t.Errorf("it ends between %s and %s (%v), want %s and %s", f.Earliest, f.Latest, f.Known, early, late)
	}
	if f := m.forecast("unknown", operate.Snapshot{At: noon, Expected: 10}, noon); f.Known {
		t.Errorf("of a run that has done nothing, the end is known: %v", f)
	}
}

// TestMeter checks that the first sample counts nothing, because nobody knows since when its counts are.
func TestMeter(t *testing.T) {
	var m meter
	limit := func(string) float64 { return 5 }
	m.add(noon, map[string]worker.Spent{"acme": {Sent: 1000}}, limit)
	m.add(noon.Add(10*time.Second), map[string]worker.Spent{"acme": {Sent: 1040, Throttled: 2}}, limit)
	all, _ := m.used("acme")
	if len(all) != 1 || all[0].Rate != 4 || all[0].Counts != 2 || all[0].Limit != 5 {
		t.Errorf("samples %+v, want one of 4 a second with 2 refusals", all)
	}
	for i := range 3 * int(samplesKept/sampleEvery) {
		m.add(noon.Add(time.Duration(i+2)*sampleEvery), map[string]worker.Spent{"acme": {Sent: 1040}}, limit)
	}
	if all, _ := m.used("acme"); len(all) != int(samplesKept/sampleEvery) {
		t.Errorf("%d samples are kept, want %d", len(all), int(samplesKept/sampleEvery))
	}
}

// TestAssets checks that everything that a view loads is there, and may be kept.
func TestAssets(t *testing.T) {
	v := local(New(Options{Config: config(t)}))
	_, text, _ := v.get(t, "/find")
	for _, a := range []asset{style, script, icon} {
		if !strings.Contains(text, a.address) {
			t.Errorf("no view loads %s", a.address)
		}
		status, body, h := v.get(t, a.address)
		if status != 200 || !bytes.Equal([]byte(body), a.content) || h.Get("Content-Type") != a.mime || !strings.Contains(h.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: status %d, %d bytes, %v", a.address, status, len(body), h)
		}
	}
	if status, _, _ := v.get(t, "/assets/page.css"); status != 404 {
		t.Errorf("an asset that is not there has status %d", status)
	}
}

// TestNotWhole checks that the first view does not call a lake copied that has a dead letter.
func TestNotWhole(t *testing.T) {
	v, _, _ := gapped(t)
	_, text, _ := v.get(t, "/")
	for _, want := range []string{"2 windows", "not whole", "1 gap", "but for what is missing of acme"} {
		if !strings.Contains(text, want) {
			t.Errorf("the first view lacks %q:\n%s", want, text)
		}
	}
}
