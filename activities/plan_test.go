package activities

import (
	"context"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

const day = 24 * time.Hour

// on is a time in the tests' year: "03-05" or "03-05T10:00".
func on(t *testing.T, text string) time.Time {
	t.Helper()
	for _, layout := range []string{"2006-01-02", "2006-01-02T15:04"} {
		if at, err := time.Parse(layout, "2027-"+text); err == nil {
			return at
		}
	}
	t.Fatalf("%q is not a time", text)
	return time.Time{}
}

// has is a current record of a lake.
type has struct {
	stream           schemas.Stream
	from, to, opened string
}

func recordsOf(t *testing.T, lake []has) (current []ledger.Record) {
	t.Helper()
	for _, h := range lake {
		r := ledger.Record{Shard: ledger.Shard{Provider: "double", Account: "acme", Stream: h.stream, Window: schemas.Window{From: on(t, h.from), To: on(t, h.to)}}}
		if h.opened != "" {
			r.OpenedAt = new(on(t, h.opened))
		}
		r.CommittedAt = on(t, h.to).Add(time.Hour)
		current = append(current, r)
	}
	return current
}

// lines are a plan as text.
func lines(plan []Planned) (lines []string) {
	for _, p := range plan {
		line := string(p.Stream) + " " + p.Window.From.Format("01-02T15:04") + " " + p.Window.To.Format("01-02T15:04")
		for _, more := range []string{string(p.Cause), string(p.Depth), p.Refresh} {
			if more != "" {
				line += " " + more
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func TestPlanSync(t *testing.T) {
	all := map[schemas.Stream]bool{schemas.StreamChanges: true, schemas.StreamReports: true, schemas.StreamDirectory: true}
	changes := map[schemas.Stream]bool{schemas.StreamChanges: true}
	for name, test := range map[string]struct {
		lake     []has
		accepted []schemas.Window
		lists    map[schemas.Stream]bool
		want     []string
	}{
		"an empty lake": {nil, nil, changes, []string{"changes 03-10T11:43 03-10T11:58 sync"}},
		"after an export": {
			[]has{{"created", "02-01", "03-01", "03-05T10:00"}, {"created", "01-01", "02-01", "03-05T09:00"}}, nil, changes,
			[]string{"changes 03-05T09:00 03-10T11:58 sync"},
		},
		"after an export of a build that did not tell": {
			[]has{{"created", "03-01", "03-09", ""}}, nil, changes,
			[]string{"changes 03-02T01:00 03-10T11:58 sync"},
		},
		"after a sync": {
			[]has{{"created", "02-01", "03-01", "03-05T09:00"}, {"changes", "03-05T09:00", "03-10T11:40", ""}}, nil, changes,
			[]string{"changes 03-10T11:40 03-10T11:58 sync"},
		},
		"after a gap": {
			[]has{{"changes", "03-05", "03-06", ""}, {"changes", "03-07", "03-10T11:40", ""}}, nil, changes,
			[]string{"changes 03-06T00:00 03-10T11:58 sync"},
		},
		"after a gap that a person accepted": {
			[]has{{"changes", "03-05", "03-06", ""}, {"changes", "03-07", "03-10T11:40", ""}},
			[]schemas.Window{{From: on(t, "03-06"), To: on(t, "03-07")}}, changes,
			[]string{"changes 03-10T11:40 03-10T11:58 sync"},
		},
		"an export that opened before the first sync and committed after it": {
			[]has{{"created", "02-01", "03-01", "03-04T22:00"}, {"changes", "03-05T09:00", "03-10T11:40", ""}}, nil, changes,
			[]string{"changes 03-04T22:00 03-10T11:58 sync"},
		},
		"a doubled run":      {[]has{{"changes", "03-05", "03-10T11:58", ""}}, nil, changes, nil},
		"a run that is late": {[]has{{"changes", "03-05", "03-10T11:59", ""}}, nil, changes, nil},
		"across the end of a month": {
			[]has{{"changes", "02-05", "02-27T10:00", ""}}, nil, changes,
			[]string{"changes 02-27T10:00 03-01T00:00 sync", "changes 03-01T00:00 03-10T11:58 sync"},
		},
		"everything is due": {
			[]has{{"changes", "03-05", "03-10T11:40", ""}, {"directory", "03-09", "03-10", "03-09T11:00"}, {"reports", "03-01", "03-10T10:40", ""}}, nil, all,
			[]string{
				"directory 03-10T00:00 03-11T00:00 sync sync/2027-03-10T12:00:00Z", "changes 03-10T11:40 03-10T11:58 sync",
				"reports 03-10T10:40 03-10T11:58 sync",
			},
		},
		"nothing but changes is due": {
			[]has{{"changes", "03-05", "03-10T11:40", ""}, {"directory", "03-09", "03-10", "03-09T13:00"}, {"reports", "03-01", "03-10T11:00", ""}}, nil, all,
			[]string{"changes 03-10T11:40 03-10T11:58 sync"},
		},
	} {
		p := &planner{
			provider: "double", account: "acme", lists: test.lists, current: recordsOf(t, test.lake), accepted: test.accepted,
			settings: SyncSettings{Every: 15 * time.Minute, Lag: 2 * time.Minute, Directory: day},
		}
		if diff := cmp.Diff(test.want, lines(p.planSync(on(t, "03-10T12:00")))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestPlanSettle(t *testing.T) {
	for name, test := range map[string]struct {
		now, size string
		lake      []has
		retention time.Duration
		want      []string
	}{
		"an empty lake":           {now: "03-10"},
		"the first day of a sync": {now: "03-10T12:00", lake: []has{{"changes", "03-10T01:00", "03-10T11:00", ""}}},
		"the days after": {
			now: "03-12T12:00", lake: []has{{"changes", "03-09T01:00", "03-12T11:00", ""}},
			want: []string{"created 03-09T00:00 03-10T00:00 settle list settle/24h0m0s", "created 03-10T00:00 03-11T00:00 settle list settle/24h0m0s"},
		},
		"settled days": {
			now: "03-12T12:00", lake: []has{
				{"changes", "03-09T01:00", "03-12T11:00", ""}, {"created", "03-09", "03-10", "03-11T01:00"}, {"created", "03-10", "03-11", "03-12T01:00"},
			},
		},
		"a day that was opened too early": {
			now: "03-12T12:00", lake: []has{
				{"changes", "03-09T01:00", "03-12T11:00", ""}, {"created", "03-09", "03-10", "03-10T23:00"}, {"created", "03-10", "03-11", "03-12T01:00"},
			},
			want: []string{"created 03-09T00:00 03-10T00:00 settle list settle/24h0m0s"},
		},
		"days a week later, and a window that is wider than a day": {
			now: "03-18", lake: []has{
				{"changes", "03-09T01:00", "03-18", ""}, {"created", "03-09", "03-10", "03-11T01:00"}, {"created", "03-10", "03-11", "03-12T01:00"},
				{"created", "03-11", "03-13", "03-18"}, {"created", "03-13", "03-14", "03-15"}, {"created", "03-14", "03-15", "03-16"},
				{"created", "03-15", "03-16", "03-17"}, {"created", "03-16", "03-17", "03-18"},
			},
			want: []string{
				"created 03-09T00:00 03-10T00:00 settle list settle/168h0m0s", "created 03-10T00:00 03-11T00:00 settle list settle/168h0m0s",
				"created 03-11T00:00 03-12T00:00 settle list settle/24h0m0s", "created 03-12T00:00 03-13T00:00 settle list settle/24h0m0s",
			},
		},
		"a month that has closed": {
			now: "04-02", lake: []has{{"changes", "03-10", "04-02", ""}, {"created", "03-10", "04-01", "04-01"}},
			want: []string{"created 03-10T00:00 04-01T00:00 settle list settle/24h0m0s"},
		},
		"a month that is settled": {now: "04-02", lake: []has{{"changes", "03-10", "04-02", ""}, {"created", "03-10", "04-01", "04-02"}}},
		"a month of days": {
			now: "04-02", lake: []has{{"changes", "03-01", "04-02", ""}, {"created", "03-01", "03-15", "04-02"}, {"created", "03-15", "04-01", "04-02"}},
			want: []string{"created 03-01T00:00 04-01T00:00 settle list settle/24h0m0s"},
		},
		"a month in halves": {
			now: "04-02", lake: []has{
				{"changes", "03-01", "04-02", ""}, {"created", "03-01", "03-16T12:00", "04-02"}, {"created", "03-16T12:00", "04-01", "04-02"},
			},
		},
		"a month that was settled, and before that in halves": {
			now: "04-02", lake: []has{
				{"changes", "03-01", "04-02", ""}, {"created", "03-01", "03-16T12:00", "04-01"}, {"created", "03-16T12:00", "04-01", "04-01"},
				{"created", "03-01", "04-01", "04-02"},
			},
		},
		"a month that was settled in halves, and before that whole": {
			now: "04-02", lake: []has{
				{"changes", "03-01", "04-02", ""}, {"created", "03-01", "03-16T12:00", "04-02"}, {"created", "03-16T12:00", "04-01", "04-02"},
				{"created", "03-01", "04-01", "04-01"},
			},
		},
		"the last settle is full": {
			now: "05-01", lake: []has{{"changes", "03-01", "05-01", ""}, {"created", "03-01", "04-01", "04-10"}, {"created", "04-01", "05-01", "05-02"}},
			want: []string{"created 03-01T00:00 04-01T00:00 settle full settle/720h0m0s"},
		},
		"months that were exported late": {now: "05-20", lake: []has{{"created", "01-01", "02-01", "05-19"}, {"created", "02-01", "03-01", "05-19"}}},
		"a month that was exported early, without syncs": {
			now: "03-05", lake: []has{{"created", "02-01", "03-01", "03-01T01:00"}},
			want: []string{"created 02-01T00:00 03-01T00:00 settle list settle/24h0m0s"},
		},
		"a hole in the history, before the first sync": {
			now: "05-01T12:00", lake: []has{
				{"created", "01-01", "02-01", "04-19"}, {"created", "03-01", "04-01", "05-01"}, {"changes", "04-19", "05-01", ""}, {"created", "04-01", "05-01", "05-02"},
			},
		},
		"in weeks": {
			now: "04-10", size: "week", lake: []has{{"changes", "03-29", "04-10", ""}, {"created", "03-29", "04-01", "04-02"}, {"created", "04-01", "04-02", "04-03"}},
			want: []string{
				"created 03-29T00:00 04-01T00:00 settle list settle/168h0m0s",
				"created 04-01T00:00 04-02T00:00 settle list settle/168h0m0s", "created 04-02T00:00 04-03T00:00 settle list settle/168h0m0s",
				"created 04-03T00:00 04-04T00:00 settle list settle/24h0m0s", "created 04-04T00:00 04-05T00:00 settle list settle/24h0m0s",
				"created 04-05T00:00 04-06T00:00 settle list settle/24h0m0s", "created 04-06T00:00 04-07T00:00 settle list settle/24h0m0s",
				"created 04-07T00:00 04-08T00:00 settle list settle/24h0m0s", "created 04-08T00:00 04-09T00:00 settle list settle/24h0m0s",
			},
		},
		"beyond the retention": {
			now: "05-01", retention: 20 * day, lake: []has{{"changes", "03-01", "05-01", ""}, {"created", "03-01", "04-01", "04-10"}, {"created", "04-01", "05-01", "05-02"}},
		},
	} {
		p := &planner{
			provider: "double", account: "acme", size: test.size, blind: true, current: recordsOf(t, test.lake),
			settings:  SyncSettings{Settle: []time.Duration{day, 7 * day, 30 * day}},
			retention: schemas.Retention{Rest: test.retention},
		}
		plan, _ := p.planSettle(on(t, test.now))
		if diff := cmp.Diff(test.want, lines(plan)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestException(t *testing.T) {
	window := func(from, to string) schemas.Window { return schemas.Window{From: on(t, from), To: on(t, to)} }
	for name, test := range map[string]struct {
		lake      []has
		reprocess Reprocess
		want      *Exception
	}{
		"nothing there":    {nil, "", nil},
		"there":            {[]has{{"created", "03-01", "04-01", ""}}, "", nil},
		"there, and parts": {[]has{{"created", "03-01", "04-01", ""}, {"created", "03-01", "03-02", ""}}, "", nil},
		"the month so far": {
			[]has{{"created", "03-01", "03-20", ""}}, "", &Exception{Parts: []schemas.Window{window("03-01", "03-20"), window("03-20", "04-01")}},
		},
		"days that cover it": {
			[]has{{"created", "03-01", "03-15", ""}, {"created", "03-15", "04-01", ""}, {"created", "03-02", "03-03", ""}}, "",
			&Exception{Parts: []schemas.Window{window("03-01", "03-15"), window("03-15", "04-01")}},
		},
		"a wider window": {[]has{{"created", "02-01", "05-01", ""}}, "", &Exception{Parts: []schemas.Window{window("02-01", "05-01")}}},
		"a hole": {
			[]has{{"created", "03-01", "03-10", ""}, {"created", "03-12", "04-01", ""}}, "",
			&Exception{Parts: []schemas.Window{window("03-01", "03-10"), window("03-10", "03-12"), window("03-12", "04-01")}},
		},
		"dead letters, but not asked for": {[]has{{"created", "03-01", "04-01", ""}}, ReprocessMissing, nil},
		"dead letters": {
			[]has{{"created", "03-01", "04-01", ""}}, ReprocessDead, &Exception{Again: true, Depth: DepthList, Of: []schemas.Window{window("03-01", "04-01")}},
		},
		"flags in a part": {
			[]has{{"created", "03-01", "03-20", ""}}, ReprocessFlagged, &Exception{
				Parts: []schemas.Window{window("03-01", "03-20"), window("03-20", "04-01")}, Again: true, Depth: DepthFull, Of: []schemas.Window{window("03-01", "03-20")},
			},
		},
	} {
		records := recordsOf(t, test.lake)
		for i := range records {
			records[i].Flags, records[i].Counts.Dead = []string{FlagMessages}, 1
		}
		march := window("03-01", "04-01")
		got, ok := exception(schemas.StreamCreated, march, records, nil, test.reprocess)
		if test.want != nil {
			test.want.Stream, test.want.Window = schemas.StreamCreated, march
		}
		switch {
		case ok != (test.want != nil):
			t.Errorf("%s: is an exception: %v: %+v", name, ok, got)
		case ok:
			if diff := cmp.Diff(*test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
}

// TestAcceptedGapsAreNotCopied: what is around an accepted gap is copied, and what the lake has of it is adopted.
func TestAcceptedGapsAreNotCopied(t *testing.T) {
	days := func(from, to int) schemas.Window {
		return schemas.Window{From: time.Date(2026, 3, from, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 3, to, 0, 0, 0, 0, time.UTC)}
	}
	week := days(1, 8)
	committed := func(w schemas.Window) []ledger.Record {
		return []ledger.Record{{Shard: ledger.Shard{Stream: schemas.StreamCreated, Window: w}}}
	}
	for name, test := range map[string]struct {
		records  []ledger.Record
		accepted schemas.Window
		parts    []schemas.Window
		all      bool // of the window is accepted
		plain    bool // the window is copied as it is
	}{
		"another time":                      {accepted: days(9, 10), plain: true},
		"the whole window":                  {accepted: week, all: true},
		"more than the window":              {accepted: days(1, 20), all: true},
		"a part":                            {accepted: days(3, 4), parts: []schemas.Window{days(1, 3), days(4, 8)}},
		"a part beside what the lake has":   {records: committed(days(1, 3)), accepted: days(3, 4), parts: []schemas.Window{days(1, 3), days(4, 8)}},
		"all that the lake does not have":   {records: committed(days(1, 3)), accepted: days(3, 8), parts: []schemas.Window{days(1, 3)}},
		"a window that the lake has anyway": {records: committed(week), accepted: week, plain: true},
	} {
		e, ok := exception(schemas.StreamCreated, week, test.records, []schemas.Window{test.accepted}, ReprocessMissing)
		if ok == test.plain || e.Accepted != test.all || !slices.Equal(e.Parts, test.parts) {
			t.Errorf("%s: %v, %+v; want parts %v", name, ok, e, test.parts)
		}
	}
}

// TestPlansReadFewRecords: a sync reads the records of windows of creation once, and none of changes, however many there are.
func TestPlansReadFewRecords(t *testing.T) {
	ctx := t.Context()
	folder, err := ledger.Open(ctx, ledger.Config{URL: "file:" + t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	store := &countingStore{Store: folder.Store()}
	a := &Activities{Lake: lake.New(ledger.New(store, "lake", nil), lake.Config{Scratch: t.TempDir()})}
	for _, r := range recordsOf(t, []has{
		{"created", "01-01", "02-01", "02-02"}, {"created", "02-01", "03-01", "03-02"}, {"directory", "03-01", "03-02", "03-01T01:00"}, {"directory", "03-02", "03-03", "03-02T01:00"},
		{"changes", "03-01", "03-02", ""}, {"changes", "03-02", "03-03", ""}, {"changes", "03-03", "03-04", ""}, {"reports", "03-03", "03-04", ""},
	}) {
		r.SpecDigest = "spec"
		if _, _, err := a.Lake.Commit(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int64{3, 0} { // the created ones and the newest directory; then none
		store.gets.Store(0)
		p, err := a.planner(ctx, "acme", Account{Name: "double"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.current) != 8 || store.gets.Load() != want {
			t.Errorf("%d records with %d reads, want 8 with %d", len(p.current), store.gets.Load(), want)
		}
		if at := ledger.OpenedSince(p.current); !at.Equal(on(t, "02-02")) {
			t.Errorf("opened since %s", at)
		}
		if !p.directoryIsDue(on(t, "03-03T02:00")) || p.end(schemas.StreamReports) != on(t, "03-04") {
			t.Error("the directory or the reports were read wrong")
		}
	}
}

// countingStore counts reads.
type countingStore struct {
	ledger.Store
	gets atomic.Int64
}

func (s *countingStore) Get(ctx context.Context, key string, from, length int64) (io.ReadCloser, error) {
	s.gets.Add(1)
	return s.Store.Get(ctx, key, from, length)
}
