package activities_test

import (
	"context"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

// finding is a chats platform that can be asked for single conversations before they are fetched.
type finding struct{ *chats }

func (p finding) Find(_ context.Context, ids []string) iter.Seq2[providers.Page, error] {
	return p.pages(slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return p.all[id] == nil || p.all[id].gone }), "")
}

// found makes the platform one that can be asked.
func (s *settling) found() *settling {
	account := s.do.Account
	s.do.Account = func(ctx context.Context, name string) (activities.Account, error) {
		a, err := account(ctx, name)
		a.Reader = providertest.Reads(finding{s.p})
		return a, err
	}
	return s
}

// push commits conversations that were announced.
func (s *settling) push(ids ...string) ledger.Record {
	s.t.Helper()
	s.p.asked = nil
	s.p.tick()
	opened := must(s.bench, s.do.OpenExport, activities.OpenExportInput{Account: "acme", Plan: activities.PlanPush, Named: ids, Now: s.p.tick()})
	if len(opened.Plan) != 1 || opened.Plan[0].Cause != ledger.CausePush {
		s.t.Fatalf("planned %+v", opened.Plan)
	}
	a := s.begin(opened.Plan[0].Shard, "")
	a.fetch(must(s.bench, s.do.ListNamed, activities.ListNamedInput{Target: a.Target, Named: opened.Plan[0].Named}).Page)
	return a.commit()
}

func TestPushFetchesWhatIsNamed(t *testing.T) {
	for name, find := range map[string]bool{"by a fetch": false, "by a list": true} {
		t.Run(name, func(t *testing.T) {
			p := newChats(10)
			s := newSettling(t, p)
			if find {
				s = s.found()
			}
			s.settle(activities.DepthWhole, "")
			before := p.now
			p.touch("c3", "changed")
			p.touch("c4", "changed as well")
			r := s.push("c3", "c5", "c3")
			if want := (ledger.Counts{Listed: 2, Conversations: 1, Messages: 1, Documents: 3, Unchanged: 1}); r.Counts != want && find {
				t.Errorf("counts %+v, want one that changed and one that did not", r.Counts)
			}
			if !find && r.Counts.Listed != 2 {
				t.Errorf("counts %+v", r.Counts)
			}
			if asked := []string{"messages c3", "details c3", "messages c5", "details c5"}; !cmp.Equal(sorted(p.asked), sorted(asked)) {
				t.Errorf("asked %v, want %v", p.asked, asked)
			}
			// The next sync finds both changes. What was pushed in the version of the list is not fetched again.
			r = s.sync(before)
			want := []string{"messages c4", "details c4"}
			if !find {
				want = append(want, "messages c3", "details c3") // nothing has said in which version it was
			}
			if r.Counts.Listed != 2 || !cmp.Equal(sorted(p.asked), sorted(want)) {
				t.Errorf("the sync counts %+v and asked %v, want %v", r.Counts, p.asked, want)
			}
			if !find {
				return
			}
			if r.Counts.Conversations != 1 || r.Counts.Unchanged != 1 {
				t.Errorf("the sync counts %+v, want one change that nobody announced", r.Counts)
			}
		})
	}
}

// TestPushSeesWhatNoVersionShows changes a text without a new version.
func TestPushSeesWhatNoVersionShows(t *testing.T) {
	p := newChats(3)
	s := newSettling(t, p).found()
	s.settle(activities.DepthWhole, "")
	p.all["c1"].text = "edited"
	if r := s.push("c1"); r.Counts.Conversations != 1 {
		t.Errorf("counts %+v, want the edited conversation", r.Counts)
	}
	if r := s.push("c1"); r.Counts.Conversations != 0 || r.Counts.Unchanged != 1 {
		t.Errorf("counts %+v, want nothing new", r.Counts)
	}
}

// TestPushOfWhatIsNotThere names conversations that are gone, and some that never were.
func TestPushOfWhatIsNotThere(t *testing.T) {
	for name, find := range map[string]bool{"by a fetch": false, "by a list": true} {
		t.Run(name, func(t *testing.T) {
			p := newChats(3)
			s := newSettling(t, p)
			if find {
				s = s.found()
			}
			s.settle(activities.DepthWhole, "")
			p.all["c1"].gone = true
			p.all["never"] = &chat{gone: true}
			want := ledger.Counts{Listed: 2, Gone: 1, Messages: 1, Documents: 4, Kept: 1, Unlisted: 1, Unchanged: 1}
			if r := s.push("c1", "never"); r.Counts != want {
				t.Errorf("counts %+v, want a tombstone and the last version of the one, and nothing of the other", r.Counts)
			}
			if r := s.push("c1"); r.Counts != (ledger.Counts{Listed: 1, Unchanged: 1}) || len(r.Files) > 0 {
				t.Errorf("counts %+v in %d files, want nothing new", r.Counts, len(r.Files))
			}
		})
	}
}

// TestPushKeepsTheNewerVersion names a conversation of which the platform shows an older version than the lake has.
func TestPushKeepsTheNewerVersion(t *testing.T) {
	p := newChats(3)
	s := newSettling(t, p).found()
	old := *p.all["c1"]
	p.touch("c1", "newer")
	s.settle(activities.DepthWhole, "")
	p.all["c1"] = &old
	if r := s.push("c1"); r.Counts != (ledger.Counts{Listed: 1, Unchanged: 1}) || len(p.asked) > 0 {
		t.Errorf("counts %+v, asked %v, want the lake's version left alone", r.Counts, p.asked)
	}
}

// TestPushedShardsBecomeFew merges the pushes of a day, and absorbs them once the window of creation has everything.
func TestPushedShardsBecomeFew(t *testing.T) {
	p := newChats(5)
	s := newSettling(t, p).found()
	s.settle(activities.DepthWhole, "")
	var windows []schemas.Window
	for range 4 {
		p.touch("c1", "again "+p.now.String())
		p.touch("c2", "again "+p.now.String())
		windows = append(windows, s.push("c1", "c2").Shard.Window)
	}
	for i, w := range windows[1:] {
		if !w.From.Equal(windows[i].To) {
			t.Errorf("window %s does not begin at the end of %s", w, windows[i])
		}
	}
	whole := ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: schemas.StreamPushed, Window: schemas.Window{From: windows[0].From, To: windows[3].To}}
	merged := must(s.bench, s.do.MergeShards, activities.MergeShardsInput{Shard: whole})
	if merged.Why != "" {
		t.Fatalf("not merged: %+v", merged)
	}
	absorbed := must(s.bench, s.do.AbsorbShards, activities.AbsorbShardsInput{Shard: whole})
	if absorbed.Absorbed != 4 || absorbed.Kept != 1 { // the merged one has what no window of creation has
		t.Errorf("absorbed %+v", absorbed)
	}
	if r := s.latest(whole); r.Counts.Conversations != 2 {
		t.Errorf("the merged shard has %+v", r.Counts)
	}
	s.settle(activities.DepthList, "settle")
	if absorbed := must(s.bench, s.do.AbsorbShards, activities.AbsorbShardsInput{Shard: whole}); absorbed.Absorbed != 1 || absorbed.Kept != 0 {
		t.Errorf("after the settle: absorbed %+v", absorbed)
	}
}

// TestPushDoesNotMoveTheWatermark plans syncs after pushes.
func TestPushDoesNotMoveTheWatermark(t *testing.T) {
	p := newChats(3)
	s := newSettling(t, p).found()
	s.settle(activities.DepthWhole, "")
	plan := func() []activities.Planned {
		return must(s.bench, s.do.OpenExport, activities.OpenExportInput{Account: "acme", Plan: activities.PlanSync, Now: time.Now().Add(time.Hour)}).Plan
	}
	before := plan()
	s.push("c1")
	if after := plan(); len(before) == 0 || !cmp.Equal(before[0].Window.From, after[0].Window.From) {
		t.Errorf("the sync begins at %v after a push, and at %v before", after, before)
	}
}

func sorted(texts []string) []string {
	texts = slices.Clone(texts)
	slices.Sort(texts)
	return texts
}
