package chatwoot_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
)

type list struct {
	Data struct {
		Meta    map[string]int
		Payload []row
	}
}

type row struct {
	ID        int64
	CreatedAt int64   `json:"created_at"`
	Activity  int64   `json:"last_activity_at"`
	Updated   float64 `json:"updated_at"`
	Inbox     int64   `json:"inbox_id"`
	Priority  string
	Status    string
	Labels    []string
	Messages  []struct{ ID int64 }
	Meta      struct {
		Assignee *struct{ ID int64 }
		Kind     string `json:"assignee_type"`
		Team     *struct{ ID int64 }
	}
}

// all reads every page of a list.
func all(t *testing.T, site *chatwoot.Site, query string) []row {
	t.Helper()
	var rows []row
	for page := 1; ; page++ {
		var l list
		get(t, site, fmt.Sprintf("conversations?page=%d&%s", page, query), &l)
		rows = append(rows, l.Data.Payload...)
		if len(l.Data.Payload) == 0 {
			return rows
		}
	}
}

func TestListPages(t *testing.T) {
	site := newSite(t, 103, chatwoot.Options{})
	var rows []row
	for page, want := range []int{25, 25, 25, 25, 3, 0} {
		var l list
		get(t, site, fmt.Sprintf("conversations?status=all&sort_by=created_at_asc&page=%d", page+1), &l)
		if len(l.Data.Payload) != want || l.Data.Meta["all_count"] != 103 {
			t.Errorf("page %d has %d rows of %d, want %d of 103", page+1, len(l.Data.Payload), l.Data.Meta["all_count"], want)
		}
		rows = append(rows, l.Data.Payload...)
	}
	var ids []string
	for _, r := range rows {
		ids = append(ids, itoa(r.ID))
	}
	config := simulator.NewCorpus(simulator.CorpusConfig{}).Config()
	if diff := gocmp.Diff(site.Conversations(schemas.Window{From: config.From, To: config.To}), ids); diff != "" {
		t.Errorf("ids (-truth +listed):\n%s", diff)
	}
}

func TestPageSize(t *testing.T) {
	var l list
	get(t, newSite(t, 103, chatwoot.Options{PageSize: 40}), "conversations?status=all&page=3", &l)
	if len(l.Data.Payload) != 23 {
		t.Errorf("third page of 40 has %d rows, want 23", len(l.Data.Payload))
	}
}

func TestListFilters(t *testing.T) {
	site := newSite(t, 400, chatwoot.Options{})
	everything := all(t, site, "status=all&sort_by=created_at_asc")
	profile := struct{ ID int64 }{}
	get(t, site, "/api/v1/profile", &profile)
	user := func(r row) bool { return r.Meta.Assignee != nil && r.Meta.Kind == "User" }
	tests := []struct {
		query string
		keep  func(row) bool
	}{
		{"", func(r row) bool { return r.Status == "open" }},
		{"status=resolved", func(r row) bool { return r.Status == "resolved" }},
		{"status=pending", func(r row) bool { return r.Status == "pending" }},
		{"status=snoozed", func(r row) bool { return r.Status == "snoozed" }},
		{"status=all&inbox_id=5", func(r row) bool { return r.Inbox == 5 }},
		{"status=all&team_id=3", func(r row) bool { return r.Meta.Team != nil && r.Meta.Team.ID == 3 }},
		{"status=all&labels[]=bug&labels[]=billing", func(r row) bool { return slices.Contains(r.Labels, "bug") || slices.Contains(r.Labels, "billing") }},
		{"status=all&assignee_type=assigned", user},
		{"status=all&assignee_type=unassigned", func(r row) bool { return !user(r) }},
		{"status=all&assignee_type=me", func(r row) bool { return user(r) && r.Meta.Assignee.ID == profile.ID }},
		{"status=open&inbox_id=4&assignee_type=assigned", func(r row) bool { return r.Status == "open" && r.Inbox == 4 && user(r) }},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			var want, got []int64
			for _, r := range everything {
				if tt.keep(r) {
					want = append(want, r.ID)
				}
			}
			for _, r := range all(t, site, tt.query) {
				got = append(got, r.ID)
			}
			slices.Sort(got)
			slices.Sort(want)
			if len(want) == 0 {
				t.Fatal("the world has none to find")
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCountsComeBeforeAssignee(t *testing.T) {
	site := newSite(t, 300, chatwoot.Options{})
	var plain, assigned list
	get(t, site, "conversations?status=resolved", &plain)
	get(t, site, "conversations?status=resolved&assignee_type=unassigned", &assigned)
	if diff := gocmp.Diff(plain.Data.Meta, assigned.Data.Meta); diff != "" {
		t.Errorf("counts (-without +with assignee_type):\n%s", diff)
	}
	m := plain.Data.Meta
	if m["assigned_count"]+m["unassigned_count"] != m["all_count"] || m["mine_count"] == 0 || m["mine_count"] >= m["assigned_count"] {
		t.Errorf("counts do not add up: %v", m)
	}
	var meta struct{ Meta map[string]int }
	get(t, site, "conversations/meta?status=resolved", &meta)
	if diff := gocmp.Diff(m, meta.Meta); diff != "" {
		t.Errorf("counts (-list +meta):\n%s", diff)
	}
}

func TestSort(t *testing.T) {
	site := newSite(t, 200, chatwoot.Options{})
	ranks := []string{"", "low", "medium", "high", "urgent"}
	activity := func(a, b row) int { return cmp.Compare(a.Activity, b.Activity) }
	created := func(a, b row) int { return cmp.Compare(a.CreatedAt, b.CreatedAt) }
	priority := func(a, b row) int { return slices.Index(ranks, a.Priority) - slices.Index(ranks, b.Priority) }
	down := func(f func(a, b row) int) func(a, b row) int { return func(a, b row) int { return f(b, a) } }
	for by, order := range map[string]func(a, b row) int{
		"": down(activity), "nonsense": down(activity), "latest": down(activity), "last_activity_at_desc": down(activity),
		"last_activity_at_asc": activity, "created_at_asc": created, "created_at_desc": down(created),
		"sort_on_created_at": created, "priority_desc": down(priority), "priority_asc": priority,
	} {
		rows := all(t, site, "status=all&sort_by="+by)
		if len(rows) != 200 || !slices.IsSortedFunc(rows, order) {
			t.Errorf("sort_by=%s: %d rows, sorted %v", by, len(rows), slices.IsSortedFunc(rows, order))
		}
	}
}

func TestUpdatedWithin(t *testing.T) {
	now := func() time.Time { return time.Date(2025, 7, 1, 0, 0, 0, 0, time.UTC) }
	site := newSite(t, 400, chatwoot.Options{Now: now})
	since := float64(now().Add(-90 * 24 * time.Hour).Unix())
	want := 0
	for _, r := range all(t, site, "status=all") {
		if r.Updated > since {
			want++
		}
	}
	path := fmt.Sprintf("conversations?status=all&page=7&updated_within=%d", 90*24*3600)
	var l, off list
	get(t, site, path, &l)
	if len(l.Data.Payload) != want || want <= 25 {
		t.Errorf("%d rows in one answer, want %d and more than a page", len(l.Data.Payload), want)
	}
	get(t, newSite(t, 400, chatwoot.Options{Now: now, NoUpdatedWithin: true}), path, &off)
	if len(off.Data.Payload) != 25 {
		t.Errorf("%d rows where the parameter is switched off, want a page", len(off.Data.Payload))
	}
}

func TestTextSearchSkipsStatus(t *testing.T) {
	site := newSite(t, 200, chatwoot.Options{})
	statuses := map[string]bool{}
	for _, r := range all(t, site, "q="+url.QueryEscape("charged TWICE")) {
		statuses[r.Status] = true
	}
	if !statuses["open"] || !statuses["resolved"] {
		t.Errorf("found conversations in %v, want open and resolved ones", statuses)
	}
}

func TestFilterDays(t *testing.T) {
	site := newSite(t, 400, chatwoot.Options{PageSize: 1000})
	body := `{"payload":[
		{"attribute_key":"status","filter_operator":"equal_to","values":["all"],"query_operator":"AND"},
		{"attribute_key":"created_at","filter_operator":"is_greater_than","values":["2025-03-01"],"query_operator":"AND"},
		{"attribute_key":"created_at","filter_operator":"is_less_than","values":["2025-04-01"],"query_operator":null}]}`
	var got struct {
		Meta    map[string]int
		Payload []row
	}
	w := ask(t, site, "POST", "conversations/filter", chatwoot.AdministratorToken, body)
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	// Strictly after 1 March: that day itself is excluded.
	want := site.Conversations(schemas.Window{
		From: time.Date(2025, 3, 2, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC),
	})
	var ids []string
	for _, r := range got.Payload {
		ids = append(ids, strconv.FormatInt(r.ID, 10))
	}
	slices.Sort(ids)
	slices.Sort(want)
	if diff := gocmp.Diff(want, ids); diff != "" || len(want) == 0 {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	if _, ok := got.Meta["assigned_count"]; ok || got.Meta["all_count"] != len(want) {
		t.Errorf("meta is %v, want all_count %d and no assigned_count", got.Meta, len(want))
	}
}

func TestShowHasTheLastMessage(t *testing.T) {
	site := newSite(t, 60, chatwoot.Options{})
	for _, r := range all(t, site, "status=all") {
		truth, _ := site.Thread(itoa(r.ID))
		if n := min(1, len(truth.Messages)); len(r.Messages) != n {
			t.Errorf("conversation %d has %d messages in its row, want %d", r.ID, len(r.Messages), n)
		}
		var shown row
		get(t, site, "conversations/"+itoa(r.ID), &shown)
		if diff := gocmp.Diff(r, shown); diff != "" {
			t.Errorf("conversation %d (-list +show):\n%s", r.ID, diff)
		}
	}
}
