package activities_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
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
	s := newSettling(t, newChats(3))
	of := s.do.Account
	s.do.Account = func(ctx context.Context, name string) (activities.Account, error) {
		account, err := of(ctx, name)
		account.Keeper = reporting{}
		return account, err
	}
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
