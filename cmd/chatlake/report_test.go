package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// reported runs the command into a file and returns the page.
func reported(t *testing.T, config string, args ...string) (page string, status int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	out, log, status := chatlake(t, append([]string{"report", "--config", config, "--account", "acme", "--html", file}, args...)...)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: %s%s", err, out, log)
	}
	return string(text), status
}

// selfContained checks that a page loads nothing, runs nothing and is well formed where it matters.
func selfContained(t *testing.T, page string) {
	t.Helper()
	tree, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	headings := 0
	for n := range tree.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script", "link", "img", "iframe", "object", "form", "a":
			t.Errorf("the page has <%s>", n.Data)
		case "h1":
			headings++
		}
		for _, attribute := range n.Attr {
			if strings.HasPrefix(attribute.Key, "on") || attribute.Key == "src" || attribute.Key == "href" || attribute.Key == "style" {
				t.Errorf("<%s> has %s", n.Data, attribute.Key)
			}
		}
	}
	if headings != 1 || strings.Contains(page, "url(") || strings.Contains(page, "@import") {
		t.Errorf("%d headings, or a style sheet that loads something", headings)
	}
}

func TestReportOfAWholeLake(t *testing.T) {
	s := newShelf(t)
	counted := func(n int64) func(*ledger.Record) { return func(r *ledger.Record) { r.TotalAfter = &n } }
	first := s.put(schemas.StreamCreated, month(1), content{whole: []string{"1", "2"}, gone: []string{"3"}, change: counted(3)})
	s.put(schemas.StreamCreated, month(2), content{whole: []string{"4"}, change: counted(1)})
	s.put(schemas.StreamReports, month(1), content{whole: []string{"1"}})
	page, status := reported(t, s.config, "--deep")
	expect(t, "report", status, exitComplete, page,
		"The copy is complete.", "The platform&#39;s own counts of 2 windows agree: 4.", "2025-01-01 to 2025-03-01", first.Digest, first.Files[0].SHA256+"  "+first.Files[0].Key,
		"chatlake verify --account acme --deep", "<p>Nothing.</p>", "each was read completely")
	selfContained(t, page)

	// What is not in the lake is not complete, also if nothing at all is there.
	page, status = reported(t, s.config, "--from", "2025-01-01", "--to", "2025-04-01")
	expect(t, "a range that reaches further", status, exitGaps, page, "The copy is not complete: 2 problems.", "created, 2025-03-01 to 2025-04-01", "no committed window covers it",
		"chatlake export --account acme --from 2025-03-01 --to 2025-04-01")
	page, status = reported(t, s.config, "--from", "2026-01-01", "--to", "2026-02-01")
	expect(t, "a range without windows", status, exitGaps, page, "Nothing of this is in the lake.")

	out, log, status := chatlake(t, "report", "--config", s.config, "--account", "acme", "--output", "json")
	var r inspect.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || status != exitComplete || r.Sum.Conversations != 3 || r.Sum.Counted != 4 || len(r.Windows) != 3 || len(r.Files) == 0 {
		t.Errorf("json: %v, exit status %d, %+v\n%s", err, status, r.Sum, log)
	}
	out, log, status = chatlake(t, "report", "--config", s.config, "--account", "acme")
	expect(t, "no file", status, exitUsage, out+log, "--html is missing")
	out, log, status = chatlake(t, "report", "--config", s.config, "--account", "other", "--html", "-")
	expect(t, "unknown account", status, exitUsage, out+log, "there is no account other")
	out, _, status = chatlake(t, "report", "--config", s.config, "--account", "acme", "--html", "-")
	expect(t, "to the standard output", status, exitComplete, out, "<!doctype html>", "</html>")
}

// TestReportLeavesOutOtherAccounts: what the configuration asks for another account is not in the report.
func TestReportLeavesOutOtherAccounts(t *testing.T) {
	s := newShelf(t)
	s.put(schemas.StreamCreated, month(2), content{whole: []string{"1"}})
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	other := "  other: {provider: chatwoot, base_url: 'http://127.0.0.1:1', account_id: 1, token: 'env:X', allow_plaintext: true, sync: {every: 15m, from: 2020-01-01}}\n"
	if err := os.WriteFile(s.config, append(text, other...), 0o600); err != nil {
		t.Fatal(err)
	}
	page, status := reported(t, s.config)
	expect(t, "report", status, exitComplete, page, "2025-02-01 to 2025-03-01")
	for _, word := range []string{"planned", "2020"} {
		if strings.Contains(page, ">"+word) {
			t.Errorf("the report has %s of another account", word)
		}
	}
}

// TestReportOfWhatIsMissing: each gap stands in the report with its reason, and no text of a conversation does.
func TestReportOfWhatIsMissing(t *testing.T) {
	s := newShelf(t)
	s.put(schemas.StreamCreated, month(1), content{whole: []string{"1"}, dead: []string{"2"}})
	n := int64(9)
	s.put(schemas.StreamCreated, month(2), content{whole: []string{"4"}, change: func(r *ledger.Record) { r.TotalAfter, r.Flags = &n, []string{"count_mismatch"} }})
	s.put(schemas.StreamCreated, month(5), content{whole: []string{"5"}, change: func(r *ledger.Record) {
		r.Omitted, r.Unwitnessed = []ledger.Omission{{Document: "details", Asked: 5, Omitted: 100}}, []string{"messages"}
	}})
	if out, log, status := chatlake(t, "gap", "accept", "--config", s.config, "--account", "acme", "--from", "2025-03-01", "--to", "2025-04-01", "--reason", "no <office> yet"); status != exitComplete {
		t.Fatal(out, log)
	}
	page, status := reported(t, s.config)
	expect(t, "report", status, exitGaps, page,
		"The copy is not complete: 3 problems.", "created, 2025-04-01 to 2025-05-01", "1 conversation; the table dead_letters says which and why",
		"committed with the note count_mismatch", "the platform counted 9, 1 were listed", "no &lt;office&gt; yet", "details", "100 conversations", "unwitnessed",
		"In 1 window the platform counted 9 conversations, and listed 1.")
	selfContained(t, page)
	for _, text := range []string{"a secret text", "secret"} {
		if strings.Contains(page, text) {
			t.Errorf("the report has %q of a conversation", text)
		}
	}
	if strings.Contains(page, "<office>") {
		t.Error("a reason is not escaped")
	}
}
