package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// announces makes the account one whose announcements are received.
func (s *settling) announces(settings *activities.PushSettings) {
	account := s.do.Account
	s.do.Account = func(ctx context.Context, name string) (activities.Account, error) {
		a, err := account(ctx, name)
		a.Push = settings
		return a, err
	}
}

// following runs syncs one after another.
type following struct {
	*settling
	end time.Time // of the last window
}

// follow begins with the windows at the platform's time.
func follow(t *testing.T, p *chats, settings *activities.PushSettings) *following {
	s := newSettling(t, p).found()
	s.settle(activities.DepthWhole, "")
	s.announces(settings)
	return &following{s, p.tick()}
}

func (f *following) next() ledger.Record {
	f.t.Helper()
	r := f.sync(f.end)
	f.end = r.Shard.Window.To
	return r
}

// days are the counts of all syncs.
func days(records ...ledger.Record) (all []ledger.PushDay) {
	for _, r := range records {
		if r.Push != nil {
			all = append(all, r.Push.Days...)
		}
	}
	return all
}

func day(p *chats) time.Time { return p.now.UTC().Truncate(24 * time.Hour) }

func TestPushLossIsCounted(t *testing.T) {
	p := newChats(12)
	f := follow(t, p, &activities.PushSettings{Patience: time.Hour})
	p.touch("c0", "before announcements are expected")
	first := f.next()
	if first.Push == nil || !first.Push.Since.Equal(f.end) || len(first.Found) > 0 {
		t.Fatalf("the first sync has %+v and found %v, want announcements from the end of its window on", first.Push, first.Found)
	}
	for _, id := range []string{"c1", "c2", "c3", "c4", "c5", "c6"} {
		p.touch(id, "changed")
	}
	if r := f.push("c1", "c2"); !cmp.Equal(r.Named, []string{"c1", "c2"}) {
		t.Errorf("the push names %v", r.Named)
	}
	p.touch("c2", "changed again") // and that is not announced
	p.all["c6"].gone = true        // nor is this, which is no change of a conversation
	second := f.next()
	if len(second.Found) != 4 || len(days(second)) > 0 {
		t.Errorf("the second sync found %v and counts %v", second.Found, days(second))
	}
	f.push("c5", "c1") // one is announced late, the other again; both are in the lake
	third := f.next()
	if want := []ledger.PushDay{{Day: day(p), Pushed: 2, Late: 1, Missed: 3}}; !cmp.Equal(days(third), want) {
		t.Errorf("counted %+v, want %+v", days(third), want)
	}
	fourth := f.next()
	if len(days(fourth)) > 0 {
		t.Errorf("counted again: %+v", days(fourth))
	}
	f.announces(nil)
	p.touch("c7", "while no announcements are received")
	f.next()
	f.announces(&activities.PushSettings{Patience: time.Hour})
	p.touch("c8", "before they are received again")
	f.next()
	p.touch("c9", "not announced")
	f.next()
	if want := []ledger.PushDay{{Day: day(p), Missed: 1}}; !cmp.Equal(days(f.next()), want) {
		t.Error("what changed while no announcements were received is counted")
	}
}

// TestPushLossOfEnds counts on a platform that announces nothing but ends.
func TestPushLossOfEnds(t *testing.T) {
	p := newChats(6)
	f := follow(t, p, &activities.PushSettings{Patience: time.Hour, EndsOnly: true})
	f.next()
	p.touch("c1", "goes on")
	p.touch("c2", "bye")
	p.touch("c3", "bye")
	f.push("c3")
	p.all["c3"].report = "what is known only after the end" // with a new version
	p.touch("c3", "bye")
	f.next()
	if want, got := []ledger.PushDay{{Day: day(p), Pushed: 1, Missed: 1}}, days(f.next()); !cmp.Equal(got, want) {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// TestPushLossOutlivesMaintenance merges and absorbs the windows of a day before they are compared, and after.
func TestPushLossOutlivesMaintenance(t *testing.T) {
	p := newChats(6)
	f := follow(t, p, &activities.PushSettings{Patience: time.Hour})
	begin := f.end
	f.next()
	p.touch("c1", "changed")
	p.touch("c2", "changed")
	f.push("c1")
	f.next()
	merge := func() {
		for _, stream := range []schemas.Stream{schemas.StreamChanges, schemas.StreamPushed} {
			shard := ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: stream, Window: schemas.Window{From: begin, To: f.end}}
			if stream == schemas.StreamPushed {
				newest, err := f.do.Lake.Newest(t.Context(), ledger.Filter{Stream: stream})
				if err != nil {
					t.Fatal(err)
				}
				shard.Window.From = newest[0].Shard.Window.From
				shard.Window.To = newest[len(newest)-1].Shard.Window.To
			}
			must(f.bench, f.do.MergeShards, activities.MergeShardsInput{Shard: shard})
			must(f.bench, f.do.AbsorbShards, activities.AbsorbShardsInput{Shard: shard})
		}
	}
	merge()
	f.next()
	p.touch("c3", "changed")
	f.next()
	f.next()
	merge()
	records, err := f.do.Lake.Current(t.Context(), ledger.Filter{Stream: schemas.StreamChanges})
	if err != nil {
		t.Fatal(err)
	}
	var sum ledger.PushDay
	for _, d := range days(records...) {
		sum.Pushed, sum.Late, sum.Missed = sum.Pushed+d.Pushed, sum.Late+d.Late, sum.Missed+d.Missed
	}
	if want := (ledger.PushDay{Pushed: 1, Missed: 2}); sum != want {
		t.Errorf("counted %+v, want %+v", sum, want)
	}
	for _, r := range records {
		if r.Generation > 1 && len(r.Found) > 0 {
			t.Errorf("generation %d of %s still names what was found", r.Generation, r.Shard)
		}
	}
}
