package activities

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

func planned(stream schemas.Stream, from, to string, files int) ledger.Record {
	w := schemas.Window{From: moment(from), To: moment(to)}
	return ledger.Record{
		Shard: ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: stream, Window: w}, Generation: 1, Files: make([]ledger.File, files), CommittedAt: w.To.Add(time.Hour),
	}
}

// moment is a time of May and June, as in "05-31 12".
func moment(text string) time.Time {
	t, err := time.Parse("2006-01-02 15", "2026-"+text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestMaintenance(t *testing.T) {
	const changes, created, reports, directory = schemas.StreamChanges, schemas.StreamCreated, schemas.StreamReports, schemas.StreamDirectory
	absorbed := planned(changes, "05-01 00", "05-01 12", 0)
	absorbed.AbsorbedBy = "digest"
	may := planned(created, "05-01 00", "06-01 00", 9)
	merged := planned(changes, "05-01 00", "06-01 00", 9)
	for name, c := range map[string]struct {
		now     string
		records []ledger.Record
		want    []string
	}{
		"nothing": {"05-03 00", nil, nil},
		"a day that goes on": {"05-01 13", []ledger.Record{
			planned(changes, "05-01 00", "05-01 06", 7), planned(changes, "05-01 06", "05-01 12", 7),
		}, nil},
		"a day whose last window ends in the next": {"05-02 03", []ledger.Record{
			planned(changes, "05-01 00", "05-01 06", 7), planned(changes, "05-01 06", "05-02 01", 7), planned(changes, "05-02 01", "05-02 02", 7),
		}, []string{"merge changes 05-01 00 05-02 01"}},
		"a day with a gap in it": {"05-03 00", []ledger.Record{
			planned(changes, "05-01 00", "05-01 06", 7), planned(changes, "05-01 06", "05-01 08", 7), planned(changes, "05-01 10", "05-01 12", 7), planned(changes, "05-01 12", "05-02 00", 7),
		}, []string{"merge changes 05-01 00 05-01 08", "merge changes 05-01 10 05-02 00"}},
		"a gap that may still be filled": {"05-02 03", []ledger.Record{
			planned(changes, "05-01 00", "05-01 06", 7), planned(changes, "05-01 06", "05-01 08", 7), planned(changes, "05-01 10", "05-02 00", 7),
		}, nil},
		"one window with files": {"05-03 00", []ledger.Record{
			planned(changes, "05-01 00", "05-01 06", 0), planned(changes, "05-01 06", "05-02 00", 7),
		}, nil},
		"a merged day": {"05-03 00", []ledger.Record{absorbed, planned(changes, "05-01 00", "05-02 00", 9)}, nil},
		"a window that a merged day has not": {"05-03 00", []ledger.Record{
			planned(changes, "05-01 00", "05-02 00", 9), planned(changes, "05-01 06", "05-01 07", 4),
		}, []string{"merge changes 05-01 00 05-02 00"}},
		"a month that has just ended": {"06-02 00", []ledger.Record{
			planned(changes, "05-30 00", "05-31 00", 9), planned(changes, "05-31 00", "06-01 00", 9),
		}, nil},
		"a month that ended": {"06-03 00", []ledger.Record{
			planned(changes, "05-01 00", "05-02 00", 9), planned(changes, "05-02 00", "06-01 00", 9), planned(changes, "06-01 00", "06-01 01", 9),
		}, []string{"merge changes 05-01 00 06-01 00"}},
		"a month whose changes are known from its middle": {"06-03 00", []ledger.Record{
			planned(changes, "05-20 00", "05-21 00", 9), planned(changes, "05-21 00", "06-01 00", 9),
		}, []string{"merge changes 05-20 00 06-01 00"}},
		"reports": {"06-03 00", []ledger.Record{
			planned(reports, "05-01 00", "05-20 00", 3), planned(reports, "05-20 00", "06-01 00", 3),
		}, []string{"merge reports 05-01 00 06-01 00"}},
		"reports of a day": {"05-03 00", []ledger.Record{
			planned(reports, "05-01 00", "05-01 12", 3), planned(reports, "05-01 12", "05-02 00", 3),
		}, []string{"merge reports 05-01 00 05-02 00"}},
		"snapshots and a newer one": {"06-03 00", []ledger.Record{
			planned(directory, "05-01 00", "05-02 00", 8), planned(directory, "05-09 00", "05-10 00", 8), planned(directory, "06-02 00", "06-03 00", 8),
		}, []string{"merge directory 05-01 00 06-01 00"}},
		"snapshots and no newer one": {"06-03 00", []ledger.Record{
			planned(directory, "05-01 00", "05-02 00", 8), planned(directory, "05-09 00", "05-10 00", 8), planned(directory, "06-02 00", "06-03 00", 0),
		}, nil},
		"snapshots of a month that goes on": {"05-20 00", []ledger.Record{
			planned(directory, "05-01 00", "05-02 00", 8), planned(directory, "05-09 00", "05-10 00", 8),
		}, nil},
		"days inside of a settled month": {"06-03 00", []ledger.Record{
			planned(created, "05-01 00", "05-02 00", 9), may,
		}, []string{"absorb created 05-01 00 06-01 00"}},
		"absorbed days of a settled month": {"06-03 00", []ledger.Record{
			planned(created, "05-01 00", "05-02 00", 0), may,
		}, nil},
		"changes before a settle": {"06-03 00", []ledger.Record{
			planned(changes, "05-01 00", "05-02 00", 9), may,
		}, []string{"absorb changes 05-01 00 05-02 00"}},
		"changes before a settle of long ago": {"06-20 00", []ledger.Record{
			planned(changes, "05-01 00", "05-02 00", 9), may,
		}, nil},
		"changes merged after the settle":  {"06-03 00", []ledger.Record{at(merged, "06-02 12"), at(may, "06-02 00")}, nil},
		"changes merged before the settle": {"06-03 00", []ledger.Record{at(merged, "06-02 00"), at(may, "06-02 12")}, []string{"absorb changes 05-01 00 06-01 00"}},
	} {
		t.Run(name, func(t *testing.T) {
			month := schemas.Window{From: moment("05-01 00"), To: moment("06-01 00")}
			var got []string
			for _, s := range maintenance(c.records, month, moment(c.now)) {
				verb := map[bool]string{true: "merge", false: "absorb"}[s.Merge]
				got = append(got, fmt.Sprintf("%s %s %s %s", verb, s.Shard.Stream, s.Shard.Window.From.Format("01-02 15"), s.Shard.Window.To.Format("01-02 15")))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			slices.Reverse(c.records)
			if again := maintenance(c.records, month, moment(c.now)); len(again) != len(got) {
				t.Errorf("in another order: %v", again)
			}
		})
	}
}

func at(r ledger.Record, committed string) ledger.Record {
	r.CommittedAt = moment(committed)
	return r
}

// TestMonthsAtRestAreNotRead: once a month is merged and long over, the list of the ledger says so.
func TestMonthsAtRestAreNotRead(t *testing.T) {
	may := schemas.Window{From: moment("05-01 00"), To: moment("06-01 00")}
	shard := func(stream schemas.Stream, from, to string) ledger.Shard { return planned(stream, from, to, 1).Shard }
	merged := map[ledger.Shard]int{
		shard(schemas.StreamChanges, "05-01 00", "05-01 06"):   2,
		shard(schemas.StreamChanges, "05-01 06", "05-02 00"):   2,
		shard(schemas.StreamChanges, "05-01 00", "06-01 00"):   1,
		shard(schemas.StreamCreated, "05-01 00", "05-02 00"):   3,
		shard(schemas.StreamCreated, "05-01 00", "06-01 00"):   2,
		shard(schemas.StreamReports, "05-01 00", "06-01 00"):   1,
		shard(schemas.StreamDirectory, "05-01 00", "06-01 00"): 1,
		shard(schemas.StreamDirectory, "05-01 00", "05-02 00"): 2,
		shard(schemas.StreamDirectory, "06-01 00", "06-02 00"): 1,
	}
	if some := worthReading(merged, may, moment("06-10 00")); len(some) != 6 {
		t.Errorf("soon after the month %d records are read, want those of the wide windows, the windows of creation and the later snapshot", len(some))
	}
	later := moment("08-10 00")
	if some := worthReading(merged, may, later); len(some) != 0 {
		t.Errorf("long after it %d records are read", len(some))
	}
	for name, more := range map[string]ledger.Shard{
		"a window inside of the merged one":    shard(schemas.StreamChanges, "05-07 00", "05-08 00"),
		"a window of reports beside the month": shard(schemas.StreamReports, "05-31 00", "06-02 00"),
		"another snapshot":                     shard(schemas.StreamDirectory, "05-31 12", "06-01 12"),
		"a day that was not absorbed":          shard(schemas.StreamCreated, "05-03 00", "05-04 00"),
	} {
		merged[more] = 1
		if some := worthReading(merged, may, later); some[more] != 1 {
			t.Errorf("%s is not read", name)
		}
		delete(merged, more)
	}
}

// The number of files of a shard in the simulated year: one for each table that can have rows.
const (
	filesOfConversations = 9 // conversations, messages, participants, events, ratings, attachments, documents, dead_letters, tombstones
	filesOfReports       = 4
	filesOfDirectory     = 9
)

// year is a simulated lake that is synced every 15 minutes, settled after 1, 7 and 30 days, and maintained once a day. Every sync finds
// changes for every table, as if no quarter of an hour were quiet. No record is written anywhere.
type year struct {
	months map[time.Time]map[ledger.Shard]ledger.Record // by the beginning of the month in which their windows begin
	files  map[time.Time]int                            // of these windows
	now    time.Time
}

// someFiles are as many files as a shard can have.
var someFiles [filesOfConversations]ledger.File

func (y *year) commit(stream schemas.Stream, w schemas.Window, files int) {
	s := ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: stream, Window: w}
	month := monthOf(w.From).From
	if y.months[month] == nil {
		y.months[month] = map[ledger.Shard]ledger.Record{}
	}
	before := y.months[month][s]
	y.files[month] += files - len(before.Files)
	y.months[month][s] = ledger.Record{Shard: s, Generation: before.Generation + 1, Files: someFiles[:files], CommittedAt: y.now}
}

// maintain does the steps that are due in the months that are not at rest. Some changes are always of conversations of earlier months, so
// no window of changes is as a whole in windows of creation: that is the worst case.
func (y *year) maintain() {
	highest := map[ledger.Shard]int{}
	for month, shards := range y.months {
		rest := !y.now.Before(month.AddDate(0, 1, 0).Add(restAfter))
		for s, r := range shards {
			if !rest || s.Stream == schemas.StreamCreated || s.Stream == schemas.StreamDirectory {
				highest[s] = r.Generation
			}
		}
	}
	for m := monthOf(y.now.Add(-restAfter)).From; m.Before(y.now); m = m.AddDate(0, 1, 0) {
		month := monthOf(m)
		var records []ledger.Record
		for s := range worthReading(highest, month, y.now) {
			records = append(records, y.months[monthOf(s.Window.From).From][s])
		}
		for _, step := range maintenance(records, month, y.now) {
			most := 0
			var inside []ledger.Record
			for _, r := range records {
				if r.Shard.Stream == step.Shard.Stream && within(r.Shard.Window, step.Shard.Window) {
					most, inside = max(most, len(r.Files)), append(inside, r)
				}
			}
			if step.Merge {
				y.commit(step.Shard.Stream, step.Shard.Window, most)
			}
			for _, r := range inside {
				y.commit(r.Shard.Stream, r.Shard.Window, 0)
			}
		}
	}
}

// settle commits the windows of creation that are due on a day: days of the month that goes on, and whole months that have ended.
func (y *year) settle(day time.Time) {
	for _, after := range []int{1, 7, 30} {
		settled := schemas.Window{From: day.AddDate(0, 0, -after-1), To: day.AddDate(0, 0, -after)}
		if month := monthOf(settled.From); month.To.After(y.now) {
			y.commit(schemas.StreamCreated, settled, filesOfConversations)
		} else if settled.To.Equal(month.To) {
			y.commit(schemas.StreamCreated, month, filesOfConversations)
		}
	}
}

// TestAYearOfSyncsLeavesFewFiles simulates a year of syncs every 15 minutes, with reports every hour and a snapshot a day.
func TestAYearOfSyncsLeavesFewFiles(t *testing.T) {
	const every, lag = 15 * time.Minute, 2 * time.Minute
	y := &year{months: map[time.Time]map[ledger.Shard]ledger.Record{}, files: map[time.Time]int{}}
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	synced, reported := begin, begin
	open, closed := 0, 0
	for y.now = begin.Add(every); y.now.Before(begin.AddDate(1, 0, 0)); y.now = y.now.Add(every) {
		day, to := y.now.Truncate(24*time.Hour), y.now.Add(-lag)
		for _, w := range (schemas.Window{From: synced, To: to}).Cut("month") {
			y.commit(schemas.StreamChanges, w, filesOfConversations)
		}
		synced = to
		if y.now.Sub(reported) >= time.Hour {
			for _, w := range (schemas.Window{From: reported, To: to}).Cut("month") {
				y.commit(schemas.StreamReports, w, filesOfReports)
			}
			reported = to
		}
		switch y.now.Sub(day) {
		case every:
			y.commit(schemas.StreamDirectory, schemas.Window{From: day, To: day.AddDate(0, 0, 1)}, filesOfDirectory)
		case 3 * time.Hour:
			y.settle(day)
			y.maintain()
			for m := begin; y.now.After(m.AddDate(0, 1, 3)); m = m.AddDate(0, 1, 0) {
				closed = max(closed, y.files[m])
			}
		}
		open = max(open, y.files[monthOf(y.now).From])
	}
	t.Logf("at most %d files of a month that ended three days ago, and %d of the month that goes on", closed, open)
	if closed > 40 || open > 2000 {
		t.Errorf("want at most 40 and 2,000")
	}
}
