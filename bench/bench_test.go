package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// tiny runs the bare loop on a world in this process, and is what the platform counted and where the lake is.
func tiny(t *testing.T, w World, site Site, a Account) (announced, counts, outcome) {
	t.Helper()
	in, closer := io.Pipe()
	said, out := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- simulate(simulated{w, site, a}, in, out) }()
	p := &platform{input: closer}
	if err := p.listen(t.Context(), said); err != nil {
		t.Fatal(err)
	}
	s := &stage{programs: &programs{}, Scenario: Scenario{World: w, Site: site, Account: a}, folder: t.TempDir(), platform: p}
	if err := bareMain(t.Context(), s.bareConfig()); err != nil {
		t.Fatal(err)
	}
	asked, err := p.counts()
	if err != nil {
		t.Fatal(err)
	}
	var result outcome
	if err := s.openBare(t.Context(), &result); err != nil {
		t.Fatal(err)
	}
	_ = closer.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return p.announced, asked, result
}

func TestBareLoopIsWholeAndAsksWhatIsNecessary(t *testing.T) {
	for name, tt := range map[string]struct {
		site    Site
		account Account
	}{
		"a good platform": {}, "errors": {site: Site{Errors: 0.02}}, "a budget": {site: Site{Budget: 400, Headers: true}}, "lean": {account: lean},
		"details": {account: Account{Details: "true", Participants: "false"}},
	} {
		t.Run(name, func(t *testing.T) {
			w, site := World{Conversations: 60, Months: 1, Giant: 2500}, tt.site
			said, asked, result := tiny(t, w, site, tt.account)
			got, err := keysOf(t.Context(), result.lake, result.files, tt.account)
			if err != nil {
				t.Fatal(err)
			}
			d := compare(truthOf(w, tt.account), got)
			if d.Lost+d.Doubled+d.Foreign != 0 || d.Rows < 2500 {
				t.Errorf("%+v, want no row wrong of more than 2500", d)
			}
			more := asked.Requests - asked.Failed - asked.Throttled - said.Necessary
			allowed := int64(20)
			if tt.account.effective("details") == "auto" {
				allowed += 40 // the sample
			}
			if more < 0 || more > allowed {
				t.Errorf("%d good requests, %d are necessary", asked.Requests-asked.Failed-asked.Throttled, said.Necessary)
			}
			if (asked.Failed > 0) != (site.Errors > 0) || asked.Throttled > 0 {
				t.Errorf("%d answers 500, %d answers 429", asked.Failed, asked.Throttled)
			}
		})
	}
}

func TestOracleFails(t *testing.T) {
	w := World{Conversations: 40, Months: 1}
	_, _, result := tiny(t, w, Site{}, Account{})
	truth := truthOf(w, Account{})
	keys := func(files []ledger.File) rowKeys {
		t.Helper()
		got, err := keysOf(t.Context(), result.lake, files, Account{})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	var messages ledger.File
	var rest []ledger.File
	for _, f := range result.files {
		if f.Table == schemas.Messages.Table {
			messages = f
		} else {
			rest = append(rest, f)
		}
	}
	n, all := messages.Rows, compare(truth, keys(result.files)).Rows
	for name, tt := range map[string]struct {
		got  rowKeys
		want difference
	}{
		"whole":            {keys(result.files), difference{Rows: all}},
		"a file is gone":   {keys(rest), difference{Rows: all, Lost: n}},
		"a file is twice":  {keys(append(rest, messages, messages)), difference{Rows: all, Doubled: n}},
		"nothing is there": {keys(nil), difference{Rows: all, Lost: all}},
	} {
		if diff := cmp.Diff(tt.want, compare(truth, tt.got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	t.Run("one row", func(t *testing.T) {
		lost, doubled, foreign := keys(result.files), keys(result.files), keys(result.files)
		lost["participants"] = lost["participants"][1:]
		doubled.add("conversations", "1")
		doubled.sort()
		foreign.add("contacts", "nobody")
		foreign.sort()
		for got, want := range map[*rowKeys]difference{&lost: {all, 1, 0, 0}, &doubled: {all, 0, 1, 0}, &foreign: {all, 0, 0, 1}} {
			if diff := cmp.Diff(want, compare(truth, *got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	})
	t.Run("a damaged file", func(t *testing.T) {
		name := result.lake.Location(messages.Key)
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, text[:len(text)/2], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := keysOf(t.Context(), result.lake, result.files, Account{}); err == nil {
			t.Error("no error, want one that names the file")
		}
	})
}

func TestDefectsEndTheProgram(t *testing.T) {
	good := Measured{Scenario: Scenario{Name: "s"}, Contender: folderName, Events: 1}
	lost, doubled, failed, slow := good, good, good, good
	lost.Lost, doubled.Doubled, failed.Failed, slow.Seconds = 1, 1, "exit status 1", 1e6
	for name, tt := range map[string]struct {
		m    Measured
		want bool
	}{"good": {good, false}, "slow": {slow, false}, "lost": {lost, true}, "doubled": {doubled, true}, "failed": {failed, true}} {
		if err := (Report{Results: []Measured{good, tt.m}}).defects(); (err != nil) != tt.want {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestRecorder(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	halved := 0
	r := &recorder{now: func() time.Time { return at }, halveAt: 30, halve: func() { halved++ }}
	ask := func(n, code int) {
		for range n {
			slot := r.begin("")
			r.end(slot, code, nil)
		}
	}
	ask(20, 200)
	at = at.Add(900 * time.Millisecond)
	ask(15, 429) // 35 within a second
	at = at.Add(8 * time.Second)
	ask(10, 500) // 45 within ten
	at = at.Add(20 * time.Second)
	ask(44, 200)
	c := r.report()
	if c.Requests != 89 || c.Throttled != 15 || c.Failed != 10 || c.Second != 44 || c.Ten != 45 || halved != 1 || c.Later != 44 {
		t.Errorf("%+v, halved %d times", c, halved)
	}
	want := []second{{35, 15}, {}, {}, {}, {}, {}, {}, {}, {10, 0}}
	if diff := cmp.Diff(want, c.Series[:9]); diff != "" || len(c.Series) != 29 {
		t.Errorf("%d seconds (-want +got):\n%s", len(c.Series), diff)
	}
}

func TestHalvedBudget(t *testing.T) {
	s := Scenario{Site: Site{Budget: 10, HalveAt: 100}}
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := counts{Requests: 100 + 60*10 + 100*5, Throttled: 60*5 + 25, First: began, Last: began.Add(170 * time.Second), HalvedAt: began.Add(10 * time.Second)}
	for i := range 170 {
		switch {
		case i < 10:
			c.Series = append(c.Series, second{10, 0})
		case i < 70:
			c.Series = append(c.Series, second{10, 5})
		case i < 95:
			c.Series = append(c.Series, second{5, 1})
		default:
			c.Series = append(c.Series, second{5, 0})
		}
	}
	m := measure(s, folderName, 900, outcome{wall: 180 * time.Second}, c, difference{})
	if m.Settled != 0.05 || m.SettledAfter != 85 || m.UsedHalved != 0.95 || m.Least != 170 {
		t.Errorf("settled %v after %v s, %v of the half used, least %v s", m.Settled, m.SettledAfter, m.UsedHalved, m.Least)
	}
}

func TestTargets(t *testing.T) {
	month := func(n int, seconds float64, memory int64) Measured {
		return Measured{Scenario: Scenario{Name: short(n), World: World{Conversations: n, Months: 1}}, Contender: folderName, Seconds: seconds, Memory: memory, Events: int64(n) / 4}
	}
	r := Report{Results: []Measured{
		{Scenario: Scenario{Name: "b", Site: Site{Budget: 50}}, Contender: folderName, UsedWithin: 0.9, Requests: 1000, Throttled: 1, Peak10: 551},
		{Scenario: Scenario{Name: "f", World: World{Conversations: 4000}}, Contender: bareName, Seconds: 8, CPU: 4},
		{Scenario: Scenario{Name: "f", World: World{Conversations: 4000}}, Contender: folderName, Seconds: 10, CPU: 7},
		{Scenario: Scenario{Name: "l", Site: Site{LatencyMS: 50}}, Contender: folderName, Seconds: 10, Least: 9.6},
		{Scenario: Scenario{Name: "k", Kill: 0.5}, Contender: folderName, Necessary: 10_000, Repeated: 60, Begun: 2, Resumed: 2.5},
		month(1000, 1, 100), month(10_000, 10, 100), month(100_000, 100, 121),
		{Scenario: Scenario{Name: "x"}, Contender: s3Name, Failed: "it"},
		{Scenario: Scenario{Name: "1", World: World{Conversations: 600, Months: 1}, Account: lean}, Contender: folderName, Seconds: 10},
		{Scenario: Scenario{Name: "14", World: World{Conversations: 600, Months: 14}, Account: lean}, Contender: folderName, Seconds: 14},
		{Scenario: Scenario{Name: "14 of all", World: World{Conversations: 600, Months: 14}}, Contender: folderName, Seconds: 20},
	}}
	r.judge()
	var got []string
	for _, target := range r.Targets {
		met := "no: "
		if target.Met {
			met = "yes: "
		}
		got = append(got, met+target.Where+": "+target.Name+": "+target.Wanted+": "+target.Found)
	}
	want := []string{
		"no: b, folder: budget used, without the first and last second: ≥ 97.00 %: 90.00 % (7.00 % short)",
		"yes: b, folder: 429s: ≤ 0.10 %: 0.10 %",
		"no: b, folder: largest 10 s: ≤ 550: 551 (1 over)",
		"yes: f, folder: throughput, bare loop = 1: ≥ 0.80: 0.80",
		"no: f, folder: CPU, bare loop = 1: ≤ 1.50: 1.75 (0.25 over)",
		"yes: l, folder: share of what the concurrency allows: ≥ 95.00 %: 96.00 %",
		"yes: k, folder: seconds to the first request after kill -9: ≤ 2.00: 2.00",
		"no: k, folder: seconds to the first conversation after kill -9: ≤ 2.00: 2.50 (0.50 over)",
		"no: k, folder: requests repeated after kill -9: ≤ 0.50 %: 0.60 % (0.10 % over)",
		"yes: k, folder: rows lost or doubled after kill -9: ≤ 0: 0",
		"yes: 10k, folder: history events for 10 k conversations: ≤ 3100: 2500",
		"yes: 100k, folder: history events for 10 k conversations: ≤ 3100: 2500",
		"no: 100k, folder: memory, at 10k = 1: ≤ 1.20: 1.21 (0.01 over)",
		"yes: 100k, folder: wall time linear in conversations, R²: ≥ 0.9900: 1.0000",
		"no: 14, folder: wall time, in one window = 1: ≤ 1.30: 1.40 (0.10 over)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}

func TestTables(t *testing.T) {
	r := Report{Machine: Machine{Cores: 2, Memory: 24 << 30, Go: "go1", System: "linux/amd64"}, Results: []Measured{
		{Scenario: Scenario{Name: "s", World: World{Conversations: 500}}, Contender: folderName, Seconds: 2, Least: 1, Requests: 1100, Necessary: 1000, Throttled: 11, CPU: 1, Memory: 200 << 20, Events: 7, Elsewhere: 0.25, Parquet: &Parquet{
			Tables: []ParquetTable{{"messages", 5000, 110, 100}, {"labels", 4, 20, 10}}, Scan: 0.3, ScanRewritten: 0.2,
		}},
		{Scenario: Scenario{Name: "s"}, Contender: postgresName, LeftOut: "PostgreSQL is not at hand"},
	}}
	var text strings.Builder
	if err := r.write(&text); err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(page, []byte("before\n"+markBegin+"stale words\n"+markEnd+"after\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.insert(page); err != nil {
		t.Fatal(err)
	}
	marked, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for where, wants := range map[string][]string{
		text.String(): {"s         folder        2.0     2.00      1100        1.100  11 (1.00 %)", "200 MiB", "s, postgres: left out: PostgreSQL is not at hand"},
		string(marked): {"before\n", "after\n", "| s | folder | 2.0 | 2.00 | 1100 | 1.100 | 11 (1.00 %) |", "Measured on 2 cores and 24 GiB", "up to 0.2 cores",
			"| s, folder | messages | 5000 | 110 | 100 | 1.10 | 0.300 | 0.200 | 1.50 |", "| s, folder | all | 5004 | 130 | 110 | 1.18 | - | - | - |"},
	} {
		for _, want := range wants {
			if !strings.Contains(where, want) {
				t.Errorf("no %q in\n%s", want, where)
			}
		}
	}
	if strings.Contains(string(marked), "labels") {
		t.Error("a table of four rows is shown")
	}
	if strings.Contains(string(marked), "stale") {
		t.Error("what stood between the marks is still there")
	}
}

func TestScenarios(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range named() {
		if seen[s.Name] || s.Name == "" || len(s.Contenders) == 0 || s.World.Conversations == 0 {
			t.Errorf("scenario %+v", s)
		}
		seen[s.Name] = true
	}
	if _, err := choose("free-10k,nowhere"); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("error %v, want one that names what there is not", err)
	}
	o, err := readOptions([]string{"-budget", "10,50", "-latency", "0,5", "-conversations", "100", "-workers", "2", "-headers"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	all, err := o.chosen()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	want := []string{"budget10-headers-two-100", "budget50-headers-two-100", "budget10-headers-latency5-two-100", "budget50-headers-latency5-two-100"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if err := run(context.Background(), []string{"-scenarios", "nowhere"}, io.Discard, io.Discard); err == nil {
		t.Error("no error for a scenario that there is not")
	}
}

func TestResultsAreAdded(t *testing.T) {
	of := func(name, contender string, seconds float64) Measured {
		return Measured{Scenario: Scenario{Name: name}, Contender: contender, Seconds: seconds, Events: -1, Series: []second{{1, 0}}}
	}
	o := options{out: filepath.Join(t.TempDir(), "new", "results.json"), compact: true}
	none, err := earlier(o.results())
	if err != nil || none != nil {
		t.Fatalf("results %v, error %v, of a file that is not there", none, err)
	}
	if err := o.save(Report{Results: []Measured{of("a", bareName, 1), of("a", folderName, 2)}}); err != nil {
		t.Fatal(err)
	}
	kept, err := earlier(o.results())
	if err != nil {
		t.Fatal(err)
	}
	r := Report{Results: kept}
	r.put(of("a", folderName, 3))
	r.put(of("b", folderName, 4))
	want := []Measured{of("a", bareName, 1), of("a", folderName, 3), of("b", folderName, 4)}
	want[0].Series = nil // left out
	if diff := cmp.Diff(want, r.Results, cmp.AllowUnexported(Measured{})); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if err := os.WriteFile(o.results(), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := earlier(o.results()); err == nil {
		t.Error("no error for a file that is cut off")
	}
}
