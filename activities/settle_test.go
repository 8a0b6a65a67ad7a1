package activities_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
)

// TestSettleOfAnUnchangedWindowAsksNothing: it costs its list, and its files are the same.
func TestSettleOfAnUnchangedWindowAsksNothing(t *testing.T) {
	s := newSettling(t, newChats(12))
	first := s.settle(activities.DepthWhole, "")
	if len(s.p.asked) != 24 {
		t.Fatalf("%d requests for 12 conversations, want 24", len(s.p.asked))
	}
	second := s.settle(activities.DepthList, "settle/1d")
	if len(s.p.asked) > 0 {
		t.Errorf("asked for %v, want nothing", s.p.asked)
	}
	if diff := cmp.Diff(keys(first), keys(second)); diff != "" {
		t.Errorf("files (-first +second):\n%s", diff)
	}
	want := first.Counts
	want.Reused = 12
	if second.Counts != want || second.Generation != 2 || second.Rewrites != first.Digest || second.Cause != ledger.CauseSettle || second.OpenedAt == nil {
		t.Errorf("record %+v, want generation 2 that rewrites %s, with counts %+v", second, first.Digest, want)
	}
}

// TestSettleCountsOnlyWhatTheListDoesNot: a list that counts its window proves an unchanged one. The platform is asked for its count once if
// the list does not, if it says another number, or if something has changed, and twice if the lake does not have the window.
func TestSettleCountsOnlyWhatTheListDoesNot(t *testing.T) {
	s := newSettling(t, newChats(12))
	s.p.total = new(int64(12))
	if s.settle(activities.DepthWhole, ""); s.p.counted != 2 {
		t.Errorf("a window that is new was counted %d times, want before and after", s.p.counted)
	}
	for i, test := range []struct {
		name    string
		total   *int64
		change  func()
		depth   activities.Depth
		counted int
	}{
		{"unchanged", new(int64(12)), nil, activities.DepthList, 0},
		{"a list that does not count", nil, nil, activities.DepthList, 1},
		{"a list that counts more", new(int64(13)), nil, activities.DepthList, 1},
		{"a changed conversation", new(int64(12)), func() { s.p.touch("c3", "bye") }, activities.DepthList, 1},
		{"full depth", new(int64(12)), nil, activities.DepthFull, 2},
		{"one that is gone", new(int64(11)), func() { s.p.all["c4"].gone = true }, activities.DepthList, 0},
		{"one that was gone", new(int64(11)), nil, activities.DepthList, 0},
	} {
		s.p.total = test.total
		if test.change != nil {
			test.change()
		}
		r := s.settle(test.depth, fmt.Sprint("settle/", i))
		if s.p.counted != test.counted || (r.TotalAfter == nil) != (test.counted == 0) || (r.TotalBefore == nil) == (test.counted == 2) {
			t.Errorf("%s: counted %d times, want %d; totals %v, %v", test.name, s.p.counted, test.counted, r.TotalBefore, r.TotalAfter)
		}
		if diff := cmp.Diff(test.total, r.TotalListed); diff != "" {
			t.Errorf("%s: total of the list in the record (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestSettleFetchesWhatChanged: a new version, a new conversation, and nothing else. Depth full fetches everything.
func TestSettleFetchesWhatChanged(t *testing.T) {
	s := newSettling(t, newChats(12))
	first := s.settle(activities.DepthWhole, "")
	s.p.touch("c3", "bye")
	s.p.put("late", 3)
	second := s.settle(activities.DepthList, "1d")
	if diff := cmp.Diff([]string{"messages c3", "messages late", "details c3", "details late"}, s.p.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if second.Counts.Conversations != 13 || second.Counts.Reused != 11 {
		t.Errorf("counts %+v, want 13 conversations, 11 of them reused", second.Counts)
	}
	before, after := s.cells(first, "conversations", "conversation_id", "subject", "observed_at", "listed_version"), s.cells(second, "conversations", "conversation_id", "subject", "observed_at", "listed_version")
	for _, line := range before {
		if id, _, _ := strings.Cut(line, "|"); slices.Contains(after, line) == (id == "c3") {
			t.Errorf("row %s: there again is %t", line, id != "c3")
		}
	}
	if !slices.ContainsFunc(after, func(line string) bool {
		return strings.HasPrefix(line, "c3|bye|") && strings.HasSuffix(line, "|"+s.p.all["c3"].version)
	}) {
		t.Errorf("rows %v, want c3 in its listed version", after)
	}
	if s.settle(activities.DepthFull, "30d"); len(s.p.asked) != 26 {
		t.Errorf("%d requests at depth full, want 26", len(s.p.asked))
	}
}

// TestSettleKeepsTheNewerVersion: a list that shows an older version than the lake has does not bring that back, at no depth.
func TestSettleKeepsTheNewerVersion(t *testing.T) {
	s := newSettling(t, newChats(3))
	old := s.p.all["c1"].version
	s.settle(activities.DepthWhole, "")
	since := s.p.now
	s.p.touch("c1", "newer")
	if r := s.sync(since); r.Counts.Conversations != 1 {
		t.Fatalf("synced %+v, want one conversation", r.Counts)
	}
	s.p.all["c1"].version, s.p.all["c1"].text = old, "hello"
	for _, depth := range []activities.Depth{activities.DepthList, activities.DepthFull} {
		r := s.settle(depth, string(depth))
		if slices.Contains(s.p.asked, "messages c1") || !slices.ContainsFunc(s.cells(r, "conversations", "conversation_id", "subject"), func(line string) bool { return line == "c1|newer" }) {
			t.Errorf("depth %s: asked %v, rows %v, want the newer version from the lake", depth, s.p.asked, s.cells(r, "conversations", "conversation_id", "subject"))
		}
	}
}

// TestSettleTakesOverWhatSyncsRead: the newest version is in a shard of changes, and its documents come from there.
func TestSettleTakesOverWhatSyncsRead(t *testing.T) {
	s := newSettling(t, newChats(9))
	s.settle(activities.DepthWhole, "")
	since := s.p.now
	s.p.touch("c2", "edited")
	synced := s.sync(since)
	settled := s.settle(activities.DepthList, "1d")
	if len(s.p.asked) > 0 {
		t.Errorf("asked %v, want nothing", s.p.asked)
	}
	columns := []string{"conversation_id", "subject", "observed_at", "listed_version", "content_sha256", "source_version"}
	row := s.cells(synced, "conversations", columns...)
	if len(row) != 1 || !slices.Contains(s.cells(settled, "conversations", columns...), row[0]) {
		t.Errorf("rows %v, want %v among them", s.cells(settled, "conversations", columns...), row)
	}
}

// TestSettleAsksForWhatIsNotListed: what is gone becomes a tombstone and keeps its last rows, what is not gone is fetched, and what is
// known to be gone is not asked for again.
func TestSettleAsksForWhatIsNotListed(t *testing.T) {
	s := newSettling(t, newChats(8))
	first := s.settle(activities.DepthWhole, "")
	for _, id := range []string{"c1", "c5", "c6"} {
		s.p.all[id].gone = true
	}
	s.p.all["c2"].unlisted = true
	second := s.settle(activities.DepthList, "1d")
	if want := []string{"messages c1", "messages c2", "details c1", "details c2", "messages c5", "messages c6", "details c5", "details c6"}; !cmp.Equal(want, s.p.asked) {
		t.Errorf("asked %v, want %v", s.p.asked, want)
	}
	want := ledger.Counts{Listed: 8, Conversations: 5, Gone: 3, Kept: 3, Unlisted: 3, Reused: 4, Messages: 8, Documents: 5*3 - 1 + 3*4}
	if diff := cmp.Diff(want, second.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	gone := s.cells(second, "tombstones", "conversation_id", "observed_at", "message_id")
	kept := map[string]string{}
	for _, line := range s.cells(second, "conversations", "conversation_id", "subject", "gone_at", "observed_at", "listed_version") {
		parts := strings.Split(line, "|")
		if parts[2] != "null" {
			kept[parts[0]] = line
			if parts[2] != parts[3] || parts[4] != s.p.all[parts[0]].version || !slices.Contains(gone, parts[0]+"|"+parts[2]+"|null") {
				t.Errorf("row %s beside tombstones %v, want it observed when it was gone", line, gone)
			}
		}
	}
	if len(kept) != 3 || len(gone) != 3 {
		t.Errorf("kept %v with tombstones %v, want c1, c5 and c6", kept, gone)
	}
	for _, line := range s.cells(first, "messages", "conversation_id", "observed_at", "text") {
		if id, _, _ := strings.Cut(line, "|"); id != "c2" && !slices.Contains(s.cells(second, "messages", "conversation_id", "observed_at", "text"), line) {
			t.Errorf("message %s is lost", line)
		}
	}
	third := s.settle(activities.DepthList, "7d")
	if len(s.p.asked) != 2 || s.p.asked[0] != "messages c2" {
		t.Errorf("asked %v, want c2 only", s.p.asked)
	}
	if diff := cmp.Diff(s.cells(second, "tombstones", "conversation_id", "observed_at"), s.cells(third, "tombstones", "conversation_id", "observed_at")); diff != "" || third.Counts != second.Counts {
		t.Errorf("tombstones changed, or counts %+v:\n%s", third.Counts, diff)
	}
	s.p.all["c2"].unlisted = false
	fourth, fifth := s.settle(activities.DepthFull, "30d"), s.settle(activities.DepthList, "60d")
	if len(s.p.asked) > 0 || !cmp.Equal(keys(fourth), keys(fifth)) {
		t.Errorf("asked %v, files %v and %v, want nothing and the same", s.p.asked, keys(fourth), keys(fifth))
	}
	if diff := cmp.Diff(s.cells(third, "tombstones", "conversation_id", "observed_at"), s.cells(fourth, "tombstones", "conversation_id", "observed_at")); diff != "" {
		t.Errorf("asking again changed when they were gone:\n%s", diff)
	}
	s.p.all["c5"].gone = false // restored by the platform
	if r := s.settle(activities.DepthList, "90d"); r.Counts.Gone != 2 || r.Counts.Conversations != 6 || !slices.Contains(s.p.asked, "messages c5") {
		t.Errorf("counts %+v, asked %v, want c5 back", r.Counts, s.p.asked)
	}
}

// TestGoneWhileItIsFetched keeps the rows of a conversation that was listed and is gone when it is fetched, in shards of both kinds.
func TestGoneWhileItIsFetched(t *testing.T) {
	s := newSettling(t, newChats(3))
	s.settle(activities.DepthWhole, "")
	since := s.p.now
	s.p.touch("c1", "last words")
	a := s.begin(s.changes(since), "")
	out := must(s.bench, s.do.ListPage, activities.ListPageInput{Target: a.Target, Limit: 7})
	s.p.all["c1"].gone = true
	a.fetch(out.Page)
	synced := a.commit()
	if want := (ledger.Counts{Listed: 1, Gone: 1, Kept: 1, Messages: 1, Documents: 4}); synced.Counts != want {
		t.Errorf("counts %+v, want %+v", synced.Counts, want)
	}
	settled := s.settle(activities.DepthList, "1d")
	if len(s.p.asked) > 0 || settled.Counts.Kept != 1 {
		t.Errorf("asked %v, counts %+v, want it known to be gone", s.p.asked, settled.Counts)
	}
	if diff := cmp.Diff(s.cells(synced, "conversations", "conversation_id", "gone_at"), s.cells(settled, "conversations", "conversation_id", "gone_at")[2:]); diff != "" {
		t.Errorf("kept rows (-synced +settled):\n%s", diff)
	}
}

// TestSettleAsksWhenTheLakeCannotTell: a file that is missing or damaged costs requests, and nothing else.
func TestSettleAsksWhenTheLakeCannotTell(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"missing": os.Remove,
		"damaged": func(path string) error {
			b, err := os.ReadFile(path)
			if err == nil {
				for i := 10; i < 40; i++ {
					b[i] ^= 0xff
				}
				err = os.WriteFile(path, b, 0o600)
			}
			return err
		},
	} {
		for _, late := range []bool{false, true} {
			s := newSettling(t, newChats(4))
			first := s.settle(activities.DepthWhole, "")
			s.p.asked = nil
			spoilDocuments := func() {
				for _, f := range first.Files {
					if path := filepath.Join(s.root, filepath.FromSlash(f.Key)); f.Table == "documents" {
						if err := errors.Join(os.Chmod(path, 0o600), spoil(path)); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			a := s.begin(s.Shard, "1d")
			if !late {
				spoilDocuments()
			}
			out := must(s.bench, s.do.ListPage, activities.ListPageInput{Target: a.Target, Limit: 7, Depth: activities.DepthList})
			if late {
				spoilDocuments()
			}
			a.fetch(out.Page)
			a.unlisted(activities.DepthList, 1)
			second := a.commit()
			if len(s.p.asked) != 8 || second.Counts.Conversations != 4 || second.Counts.Reused != 0 || second.Counts.Documents != 12 {
				t.Errorf("%s, late %t: asked %v, counts %+v, want all asked for", name, late, s.p.asked, second.Counts)
			}
			if r, err := s.do.Lake.VerifyRecord(t.Context(), second, true); err != nil || len(r) > 0 {
				t.Errorf("%s, late %t: %v %v", name, late, r, err)
			}
		}
	}
}

// TestSettleKeepsWhatCannotBeReadNow: a generation never has less than the one before. What could not be read is a dead letter.
func TestSettleKeepsWhatCannotBeReadNow(t *testing.T) {
	s := newSettling(t, newChats(5))
	s.settle(activities.DepthWhole, "")
	for _, id := range []string{"c1", "c2"} {
		s.p.touch(id, "newer")
	}
	s.p.all["c1"].failing, s.p.all["c2"].unreadable = true, true
	r := s.settle(activities.DepthList, "1d")
	want := ledger.Counts{Listed: 5, Conversations: 3, Dead: 2, Kept: 2, Reused: 3, Messages: 5, Documents: 15}
	if diff := cmp.Diff(want, r.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if rows := s.cells(r, "conversations", "conversation_id", "subject", "gone_at"); !slices.Contains(rows, "c1|hello|null") || !slices.Contains(rows, "c2|hello|null") {
		t.Errorf("rows %v, want the last versions of c1 and c2", rows)
	}
	if out := must(s.bench, s.do.RemapShard, activities.RemapShardInput{Shard: s.Shard}); out.Outcome != activities.Unchanged {
		t.Errorf("remapped %+v, want unchanged", out)
	}
	s.p.all["c1"].failing, s.p.all["c2"].unreadable = false, false
	if r := s.settle(activities.DepthList, "7d"); r.Counts.Dead != 0 || r.Counts.Conversations != 5 || len(s.p.asked) != 4 {
		t.Errorf("counts %+v, asked %v, want both fetched", r.Counts, s.p.asked)
	}
}

// TestSyncWritesOnlyWhatChanged: what the lake has in the listed version is left out of the page, and what has the content that the lake
// has is not written.
func TestSyncWritesOnlyWhatChanged(t *testing.T) {
	s := newSettling(t, newChats(6))
	s.p.all["c4"].version, s.p.all["c5"].version = "", ""
	s.settle(activities.DepthWhole, "")
	since := s.p.now
	s.p.touch("c1", "edited")
	s.p.touch("c4", "edited without a version")
	s.p.all["c4"].version = ""
	for _, id := range []string{"c2", "c5"} { // the signal says so, and nothing else changed
		s.p.all[id].changed = s.p.tick()
	}
	a := s.begin(s.changes(since), "")
	s.p.asked = nil
	out := must(s.bench, s.do.ListPage, activities.ListPageInput{Target: a.Target, Limit: 7})
	if out.Page.Refs != 3 || out.Page.Unchanged != 1 {
		t.Errorf("page %+v, want c1, c4 and c5, and c2 unchanged", out.Page)
	}
	a.fetch(out.Page)
	r := a.commit()
	want := ledger.Counts{Listed: 4, Conversations: 3, Unchanged: 1, Messages: 3, Documents: 9}
	if diff := cmp.Diff(want, r.Counts); diff != "" || slices.Contains(s.p.asked, "messages c2") {
		t.Errorf("asked %v, counts (-want +got):\n%s", s.p.asked, diff)
	}
	if want := "c0 "; len(s.p.open) != 6 || !strings.HasPrefix(s.p.open[0], want) {
		t.Errorf("the lake said that %v are open, want all", s.p.open)
	}
	// The same conversations once more: nothing is written.
	b := s.begin(s.changes(since), "")
	s.p.touch("c0", "bye")
	out = must(s.bench, s.do.ListPage, activities.ListPageInput{Target: b.Target, Limit: 7})
	b.fetch(out.Page)
	r = b.commit()
	want = ledger.Counts{Listed: 4, Unchanged: 4}
	if diff := cmp.Diff(want, r.Counts); diff != "" || len(r.Files) > 0 {
		t.Errorf("%d files, counts (-want +got):\n%s", len(r.Files), diff)
	}
}

// TestGuardedCommitsRace: of the shards that were opened on the same record, one is committed, and the others must open again.
func TestGuardedCommitsRace(t *testing.T) {
	s := newSettling(t, newChats(3))
	for generation := 1; generation <= 2; generation++ {
		var sealed []activities.SealShardOutput
		var attempts []*attempt
		for _, refresh := range []string{"a", "b", "c"} {
			a := s.begin(s.Shard, refresh+fmt.Sprint(generation)).collect(activities.DepthList)
			s.p.touch("c1", refresh)
			attempts, sealed = append(attempts, a), append(sealed, a.seal())
		}
		wins := 0
		for i, a := range attempts {
			_, err := try(s.bench, s.do.CommitShard, activities.CommitShardInput{Target: a.Target, Draft: sealed[i].Draft, Guarded: true})
			var application *temporal.ApplicationError
			switch {
			case err == nil:
				wins++
			case !errors.As(err, &application) || application.Type() != activities.Superseded || !application.NonRetryable():
				t.Errorf("error %v, want one of type Superseded", err)
			}
		}
		if r := s.latest(s.Shard); wins != 1 || r.Generation != generation {
			t.Errorf("%d commits, generation %d, want one and %d", wins, r.Generation, generation)
		}
		if _, err := try(s.bench, s.do.CommitShard, activities.CommitShardInput{Target: attempts[0].Target, Draft: sealed[0].Draft, Guarded: true}); err != nil {
			t.Errorf("the winner's commit again: %v", err)
		}
	}
}

// TestRemapKeepsWhatIsGone: a remap writes the same rows of conversations that are gone, and none less.
func TestRemapKeepsWhatIsGone(t *testing.T) {
	s := newSettling(t, newChats(5))
	s.settle(activities.DepthWhole, "")
	s.p.all["c1"].gone, s.p.all["c3"].gone = true, true
	settled := s.settle(activities.DepthList, "1d")
	if out := must(s.bench, s.do.RemapShard, activities.RemapShardInput{Shard: s.Shard}); out.Outcome != activities.Unchanged {
		t.Errorf("remapped %+v, want unchanged", out)
	}
	mended := &mended{chats: s.p}
	s.do.Account = mended.account(s.do.Account)
	out := must(s.bench, s.do.RemapShard, activities.RemapShardInput{Shard: s.Shard})
	r := s.latest(s.Shard)
	if out.Outcome != activities.Rewritten || r.Counts != settled.Counts {
		t.Fatalf("remapped %+v, counts %+v, want rewritten with %+v", out, r.Counts, settled.Counts)
	}
	columns := []string{"conversation_id", "gone_at", "observed_at", "listed_version", "stated_messages"}
	if diff := cmp.Diff(s.cells(settled, "conversations", columns...), s.cells(r, "conversations", columns...)); diff != "" {
		t.Errorf("rows (-settled +remapped):\n%s", diff)
	}
	if rows := s.cells(r, "conversations", "subject"); !slices.Contains(rows, "mended") || len(rows) != 5 {
		t.Errorf("subjects %v, want five mended ones", rows)
	}
	if again := s.settle(activities.DepthList, "7d"); len(s.p.asked) > 0 || again.Counts.Kept != 2 {
		t.Errorf("asked %v, counts %+v, want the gone ones known", s.p.asked, again.Counts)
	}
}
