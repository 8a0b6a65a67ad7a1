package activities_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// TestSettleKeepsWhatWasNewer: a list without versions may come from a replica that is behind. What was fetched counts only if it is as
// new as what the lake has, and the next settle fetches again.
func TestSettleKeepsWhatWasNewer(t *testing.T) {
	for _, depth := range []activities.Depth{activities.DepthList, activities.DepthFull} {
		s := newSettling(t, newChats(3))
		c := s.p.all["c1"]
		s.settle(activities.DepthWhole, "")
		since := s.p.now
		s.p.touch("c1", "newer")
		s.sync(since)
		now := *c
		c.text, c.changed, c.version = "hello", c.created, "" // as the replica has it
		r := s.settle(depth, "1d")
		if rows := strings.Join(s.cells(r, "conversations", "conversation_id", "subject", "listed_version"), " "); !strings.Contains(rows, "c1|newer|"+now.version) {
			t.Errorf("depth %s has %s, with counts %+v; want c1 as the sync has it", depth, rows, r.Counts)
		}
		*c = now
		c.text, c.changed = "newest", s.p.tick()
		if r = s.settle(activities.DepthFull, "30d"); !strings.Contains(strings.Join(s.cells(r, "conversations", "subject"), " "), "newest") {
			t.Errorf("after depth %s, c1 is not fetched any more", depth)
		}
	}
}

// TestReportsAreKept: what only a report said of a conversation stays, however the conversation is read again, and what a new report says
// is added, even if the lake has the conversation in the listed version.
func TestReportsAreKept(t *testing.T) {
	s := newSettling(t, newChats(3)).keeps()
	c := s.p.all["c1"]
	var got []string
	row := func(r ledger.Record) {
		for _, line := range s.cells(r, "conversations", "conversation_id", "subject", "status") {
			if strings.HasPrefix(line, "c1|") {
				got = append(got, line)
				return
			}
		}
		got = append(got, "no row")
	}
	c.report = "first"
	row(s.settle(activities.DepthWhole, ""))
	c.report = ""
	since := s.p.now
	s.p.touch("c1", "synced")
	row(s.sync(since))
	c.text = "edited"
	row(s.settle(activities.DepthFull, "7d")) // fetched again
	c.report = "second"
	row(s.sync(since.Add(-time.Minute))) // in the same version
	c.report = ""
	row(s.settle(activities.DepthList, "8d")) // from the lake
	c.unlisted = true
	row(s.settle(activities.DepthFull, "30d")) // asked for by id
	s.p.all["c1"].unreadable = true
	row(s.settle(activities.DepthFull, "31d")) // a dead letter, with its last version
	want := []string{
		"c1|hello|first", "c1|synced|first", "c1|edited|first", "c1|edited|first,second", "c1|edited|first,second", "c1|edited|first,second",
		"c1|edited|first,second",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// TestReportsOfThoseAtWorkAreKept: a sync and a settle read a conversation at the same time, each with a report that the other does not have.
// Whoever of them commits first, and whatever is merged and absorbed before the conversation is read again, its rows have both reports then,
// and what has become needless is absorbed.
func TestReportsOfThoseAtWorkAreKept(t *testing.T) {
	type order struct{ settleReadsFirst, settleCommitsFirst bool }
	orders := map[string]order{
		"sync, settle": {}, "settle, sync": {true, true}, "the sync reads first and commits last": {false, true}, "the settle reads first and commits last": {true, false},
	}
	merge := func(s *settling, wide ledger.Shard) {
		if out := must(s.bench, s.do.MergeShards, activities.MergeShardsInput{Shard: wide}); out.Outcome != activities.Merged {
			t.Errorf("merged: %+v", out)
		}
	}
	absorb := func(s *settling, wide ledger.Shard) {
		must(s.bench, s.do.AbsorbShards, activities.AbsorbShardsInput{Shard: wide})
	}
	meanwhile := map[string]func(*settling, ledger.Shard){
		"nothing": func(*settling, ledger.Shard) {}, "absorbed": absorb, "merged": merge, "merged and absorbed": func(s *settling, wide ledger.Shard) { merge(s, wide); absorb(s, wide) },
	}
	again := map[string]func(*settling) ledger.Record{
		"settled":         func(s *settling) ledger.Record { return s.settle(activities.DepthList, "8d") },
		"settled in full": func(s *settling) ledger.Record { return s.settle(activities.DepthFull, "8d") },
		"synced": func(s *settling) ledger.Record {
			since := s.p.now
			s.p.touch("c1", "again")
			s.sync(since)
			return s.settle(activities.DepthList, "8d")
		},
		"gone": func(s *settling) ledger.Record {
			s.p.all["c1"].gone = true
			s.settle(activities.DepthList, "8d")
			return s.settle(activities.DepthList, "9d")
		},
		"unreadable": func(s *settling) ledger.Record {
			s.p.all["c1"].unreadable = true
			s.settle(activities.DepthFull, "8d")
			s.p.all["c1"].unreadable = false
			return s.settle(activities.DepthFull, "9d")
		},
	}
	for name, order := range orders {
		for between, maintain := range meanwhile {
			for later, read := range again {
				t.Run(name+"/"+between+"/"+later, func(t *testing.T) {
					s := newSettling(t, newChats(3)).keeps()
					c := s.p.all["c1"]
					s.settle(activities.DepthWhole, "")
					since := s.p.now
					s.p.touch("c1", "changed")
					sync, settle := s.begin(s.changes(since), ""), s.begin(s.Shard, "7d")
					first, then := sync, settle
					if order.settleReadsFirst {
						first, then = settle, sync
					}
					for _, a := range []*attempt{first, then} {
						depth := activities.DepthWhole
						if c.report = "synced"; a == settle {
							c.report, depth = "settled", activities.DepthList
						}
						a.collect(depth)
					}
					c.report = ""
					first, then = sync, settle
					if order.settleCommitsFirst {
						first, then = settle, sync
					}
					first.commit()
					then.commit()
					next := s.Shard
					next.Stream, next.Window = schemas.StreamChanges, schemas.Window{From: sync.Shard().Window.To, To: sync.Shard().Window.To.Add(time.Minute)}
					s.begin(next, "").collect(activities.DepthWhole).commit()
					wide := next
					wide.Window.From = since
					maintain(s, wide)
					r := read(s)
					if got := strings.Join(s.cells(r, "conversations", "conversation_id", "status"), " "); !strings.Contains(got, "c1|settled,synced") {
						t.Errorf("the rows are %s", got)
					}
					absorb(s, wide)
					for _, shard := range []ledger.Shard{sync.Shard(), next} {
						if r := s.latest(shard); len(r.Files) > 0 {
							t.Errorf("%s is not absorbed", shard)
						}
					}
				})
			}
		}
	}
}
