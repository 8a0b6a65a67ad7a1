package activities_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	diffs "github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

// upkeep is a lake of one account, whose shards a test commits directly, and the activities that maintain it.
type upkeep struct {
	t       *testing.T
	do      *activities.Activities
	now     time.Time
	between func() // called once while documents are being mapped
	mu      sync.Mutex
	specs   int
	known   map[string]map[string]seen // what shards have, by the digest of their records
}

// seen is what a shard has of a conversation.
type seen struct {
	state             int
	version, observed int64
	rows              string
}

// upkeepBody is what a document of the tests says.
type upkeepBody struct {
	Version int64  `json:"version"`
	Text    string `json:"text"`
}

// standing is what a shard has of a conversation.
type standing struct {
	id       string
	version  int64 // 0: the conversation is gone; negative: a dead letter
	observed time.Time
}

func newUpkeep(t *testing.T) *upkeep {
	t.Helper()
	u := &upkeep{t: t, now: epoch}
	opened, err := ledger.Open(t.Context(), ledger.Config{URL: "file:" + t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	l := lake.New(ledger.New(opened.Store(), "lake", func() time.Time { return u.now }), lake.Config{Scratch: t.TempDir(), Writer: "test"})
	u.do = &activities.Activities{Lake: l, Account: func(context.Context, string) (activities.Account, error) {
		return activities.Account{Mapper: providertest.Maps(u), Name: "chatwoot", Spec: "spec"}, nil
	}}
	return u
}

func (u *upkeep) Thread(docs []schemas.Document) (schemas.Thread, error) {
	u.mu.Lock()
	between := u.between
	u.between = nil
	u.mu.Unlock()
	if between != nil {
		between()
	}
	var b upkeepBody
	if err := json.Unmarshal(docs[0].Body, &b); err != nil {
		return schemas.Thread{}, &providers.Error{Kind: providers.Malformed, Op: "read"}
	}
	id, at := docs[0].ConversationID, docs[0].ObservedAt
	return schemas.Thread{
		Conversation: schemas.Conversation{ConversationID: id, ObservedAt: at, SourceVersion: &b.Version},
		Messages:     []schemas.Message{{ConversationID: id, MessageID: id + "-1", ObservedAt: at, Kind: "message", Text: &b.Text}},
	}, nil
}

// Report maps a body of ids, one a line, to ratings.
func (u *upkeep) Report(doc schemas.Document) (schemas.Snapshot, error) {
	var s schemas.Snapshot
	for _, id := range strings.Fields(string(doc.Body)) {
		s.Ratings = append(s.Ratings, schemas.Rating{ConversationID: "c" + id, RatingID: id, ObservedAt: doc.ObservedAt, Kind: "csat"})
	}
	return s, nil
}

// Snapshot maps a body of ids to agents.
func (u *upkeep) Snapshot(doc schemas.Document) (schemas.Snapshot, error) {
	var s schemas.Snapshot
	for _, id := range strings.Fields(string(doc.Body)) {
		s.Agents = append(s.Agents, schemas.Agent{AgentID: id, ObservedAt: doc.ObservedAt, Type: "agent"})
	}
	return s, nil
}

// spec is another digest each time.
func (u *upkeep) spec() string {
	u.specs++
	return fmt.Sprint("spec ", u.specs)
}

func (u *upkeep) shard(stream schemas.Stream, w schemas.Window) ledger.Shard {
	return ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: stream, Window: w}
}

// commit commits a generation of a shard with some conversations.
func (u *upkeep) commit(stream schemas.Stream, w schemas.Window, cause ledger.Cause, all ...standing) ledger.Record {
	u.t.Helper()
	r := ledger.Record{Shard: u.shard(stream, w), Generation: 1, SpecDigest: u.spec(), SchemaVersion: schemas.Version, Cause: cause, Visibility: "full"}
	out, err := u.do.Lake.Seal(u.t.Context(), r.Shard)
	if err != nil {
		u.t.Fatal(err)
	}
	defer out.Discard()
	opened := u.now.Add(-time.Hour)
	for _, c := range all {
		r.Counts.Listed++
		r.Counts.Documents++
		body, _ := json.Marshal(upkeepBody{c.version, fmt.Sprint("text of ", c.id, " at ", c.observed.Unix())})
		doc := schemas.Document{ConversationID: c.id, Kind: "messages", Status: 200, ObservedAt: c.observed, Body: body}
		switch {
		case c.version > 0:
			var thread schemas.Thread
			if thread, err = u.Thread([]schemas.Document{doc}); err != nil {
				u.t.Fatal(err)
			}
			if thread.Conversation.ContentSHA256, err = thread.Digest(); err != nil {
				u.t.Fatal(err)
			}
			thread.Conversation.StoredMessages = 1
			r.Counts.Conversations++
			r.Counts.Messages++
			err = out.Thread(thread)
		case c.version == 0:
			doc.Status = 404
			r.Counts.Gone++
			err = out.Tombstone(schemas.Tombstone{ConversationID: c.id, ObservedAt: c.observed, Reason: providers.ReasonGone})
		default:
			r.Counts.Dead++
			err = out.DeadLetter(schemas.DeadLetter{ConversationID: c.id, ObservedAt: c.observed, Step: "FetchMessages", ErrorKind: "Malformed", Attempts: 1})
		}
		if err == nil {
			err = out.Document(doc)
		}
		if err != nil {
			u.t.Fatal(err)
		}
		if c.observed.Before(opened) {
			opened = c.observed
		}
	}
	r.OpenedAt = &opened
	return u.put(r, out)
}

// commitDocuments commits a shard of documents that belong to no single conversation, observed at the end of its window.
func (u *upkeep) commitDocuments(stream schemas.Stream, w schemas.Window, bodies ...string) ledger.Record {
	u.t.Helper()
	r := ledger.Record{Shard: u.shard(stream, w), Generation: 1, SpecDigest: "spec", SchemaVersion: schemas.Version, Visibility: "full"}
	out, err := u.do.Lake.Seal(u.t.Context(), r.Shard)
	if err != nil {
		u.t.Fatal(err)
	}
	defer out.Discard()
	rows := u.Report
	if stream == schemas.StreamDirectory {
		rows = u.Snapshot
	}
	for i, body := range bodies {
		doc := schemas.Document{Kind: "list", Sequence: int64(i), Status: 200, ObservedAt: w.To, Body: []byte(body)}
		s, _ := rows(doc)
		if err := cmpError(out.Snapshot(s), out.Document(doc)); err != nil {
			u.t.Fatal(err)
		}
		r.Counts.Documents++
	}
	return u.put(r, out)
}

func cmpError(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

func (u *upkeep) put(r ledger.Record, out *lake.Seal) ledger.Record {
	u.t.Helper()
	files, err := out.Close(u.t.Context())
	if err != nil {
		u.t.Fatal(err)
	}
	r.Files = files
	_, committed, err := u.do.Lake.Commit(u.t.Context(), r)
	if err != nil {
		u.t.Fatal(err)
	}
	return committed
}

func (u *upkeep) current(stream schemas.Stream) []ledger.Record {
	u.t.Helper()
	records, err := u.do.Lake.Current(u.t.Context(), ledger.Filter{Account: "acme", Stream: stream})
	if err != nil {
		u.t.Fatal(err)
	}
	return records
}

// read returns what readers see: of each conversation its rows in the shard where it counts, as text.
func (u *upkeep) read() map[string]string {
	u.t.Helper()
	type candidate struct {
		seen
		record ledger.Record
	}
	best := map[string]candidate{}
	for _, r := range u.current("") {
		if !r.Shard.Stream.HasConversations() {
			continue
		}
		for id, c := range u.has(r) {
			b, ok := best[id]
			order := cmp.Or(cmp.Compare(b.state, c.state), cmp.Compare(c.version, b.version), cmp.Compare(c.observed, b.observed),
				r.CommittedAt.Compare(b.record.CommittedAt), cmp.Compare(r.Shard.String(), b.record.Shard.String()))
			if !ok || order > 0 {
				best[id] = candidate{c, r}
			}
		}
	}
	all := map[string]string{}
	for id, c := range best {
		all[id] = c.rows
	}
	return all
}

// has returns what a shard has of its conversations.
func (u *upkeep) has(r ledger.Record) map[string]seen {
	u.t.Helper()
	if here, ok := u.known[r.Digest]; ok {
		return here
	}
	here := map[string]seen{}
	for state, of := range []struct {
		table   string
		columns []string
	}{
		{"conversations", []string{"conversation_id", "source_version", "observed_at", "content_sha256"}},
		{"dead_letters", []string{"conversation_id", "attempts", "observed_at", "step"}},
		{"tombstones", []string{"conversation_id", "message_id", "observed_at", "reason"}},
		{"messages", []string{"conversation_id", "message_id", "observed_at", "text"}},
		{"documents", []string{"conversation_id", "kind", "observed_at", "body"}},
	} {
		for row, err := range u.do.Lake.Rows(u.t.Context(), r, of.table, of.columns...) {
			if err != nil {
				u.t.Fatal(err)
			}
			c := row.Cells
			s, ok := here[c[0].Text]
			switch {
			case state == 0:
				s.version, s.observed = c[1].Integer, c[2].Integer
			case !ok:
				s.state, s.observed = state, c[2].Integer
			}
			s.rows += fmt.Sprintf("%s %v %d %s\n", of.table, c[1], c[2].Integer, c[3].Text)
			here[c[0].Text] = s
		}
	}
	if u.known == nil {
		u.known = map[string]map[string]seen{}
	}
	u.known[r.Digest] = here
	return here
}

// mustNotChange runs a step and compares what readers see before and after it.
func (u *upkeep) mustNotChange(step string, do func()) {
	u.t.Helper()
	before := u.read()
	do()
	if diff := diffs.Diff(before, u.read()); diff != "" {
		u.t.Fatalf("%s changed what readers see (-before +after):\n%s", step, diff)
	}
	u.consistent()
}

// consistent checks the counts of all records against their files.
func (u *upkeep) consistent() {
	u.t.Helper()
	for _, r := range u.current("") {
		n, has := r.Counts, rows(r)
		if r.Shard.Stream.HasConversations() && n.Listed != n.Conversations+n.Gone+n.Dead+n.Unchanged {
			u.t.Errorf("%s: counts %+v do not add up", r.Shard, n)
		}
		if has["conversations"] != n.Conversations || has["messages"] != n.Messages || has["documents"] != n.Documents || has["dead_letters"] != n.Dead {
			u.t.Errorf("%s: counts %+v, rows %v", r.Shard, n, has)
		}
		if (r.AbsorbedBy != "") != (r.Cause == ledger.CauseAbsorb) || r.AbsorbedBy != "" && len(r.Files) > 0 {
			u.t.Errorf("%s: cause %q, absorbed by %q, %d files", r.Shard, r.Cause, r.AbsorbedBy, len(r.Files))
		}
	}
}

func (u *upkeep) merge(shard ledger.Shard) activities.MergeShardsOutput {
	u.t.Helper()
	out, err := u.do.MergeShards(u.t.Context(), activities.MergeShardsInput{Shard: shard})
	if err != nil {
		u.t.Fatal(err)
	}
	return out
}

func (u *upkeep) absorb(shard ledger.Shard) activities.AbsorbShardsOutput {
	u.t.Helper()
	out, err := u.do.AbsorbShards(u.t.Context(), activities.AbsorbShardsInput{Shard: shard})
	if err != nil {
		u.t.Fatal(err)
	}
	return out
}

// maintain does everything that is due.
func (u *upkeep) maintain(each func(step string, do func())) {
	u.t.Helper()
	in := activities.PlanMaintainInput{Account: "acme"}
	for {
		plan, err := u.do.PlanMaintain(u.t.Context(), in)
		if err != nil {
			u.t.Fatal(err)
		}
		if plan.Month == "" {
			return
		}
		for _, step := range plan.Steps {
			if step.Merge {
				each("merge "+step.Shard.String(), func() { u.merge(step.Shard) })
			}
			each("absorb "+step.Shard.String(), func() { u.absorb(step.Shard) })
		}
		in.After = plan.Month
	}
}

func files(records []ledger.Record) (n int) {
	for _, r := range records {
		n += len(r.Files)
	}
	return n
}

// hour is a window of so many hours from a time after the epoch.
func hourly(from, hours int) schemas.Window {
	start := epoch.Add(time.Duration(from) * time.Hour)
	return schemas.Window{From: start, To: start.Add(time.Duration(hours) * time.Hour)}
}

func TestMergeTakesTheNewestVersions(t *testing.T) {
	u := newUpkeep(t)
	at := func(h int) time.Time { return epoch.Add(time.Duration(h) * time.Hour) }
	u.now = at(2)
	u.commit(schemas.StreamChanges, hourly(0, 1), ledger.CauseSync, standing{"a", 1, at(1)}, standing{"b", 1, at(1)}, standing{"gone", 1, at(1)}, standing{"poor", -1, at(1)})
	u.now = at(3)
	u.commit(schemas.StreamChanges, hourly(1, 1), ledger.CauseSync, standing{"a", 2, at(2)}, standing{"poor", -1, at(2)})
	u.now = at(4)
	u.commit(schemas.StreamChanges, hourly(2, 1), ledger.CauseSync, standing{"b", 2, at(3)}, standing{"late", 0, at(3)})
	wide := u.shard(schemas.StreamChanges, hourly(0, 3))
	u.now = at(5)
	var out activities.MergeShardsOutput
	u.mustNotChange("merge", func() { out = u.merge(wide) })
	want := ledger.Counts{Listed: 5, Conversations: 3, Gone: 1, Dead: 1, Messages: 3, Documents: 5, Duplicates: 3}
	if diff := diffs.Diff(want, out.Commit.Counts); diff != "" || out.Outcome != activities.Merged || out.Shards != 3 {
		t.Errorf("%+v, counts (-want +got):\n%s", out, diff)
	}
	if again := u.merge(wide); again.Outcome != activities.Unchanged {
		t.Errorf("merged again: %+v", again)
	}
	u.mustNotChange("absorb", func() {
		if absorbed := u.absorb(wide); absorbed.Absorbed != 3 || absorbed.Kept != 1 {
			t.Errorf("%+v, want the three narrower windows absorbed", absorbed)
		}
	})
	for _, r := range u.current(schemas.StreamChanges) {
		if r.Shard != wide && (r.AbsorbedBy != u.latest(wide).Digest || r.Generation != 2 || r.Counts.Unchanged != r.Counts.Listed) {
			t.Errorf("%s: generation %d absorbed by %s, counts %+v", r.Shard, r.Generation, r.AbsorbedBy, r.Counts)
		}
	}
	if again := u.absorb(wide); again.Absorbed != 0 {
		t.Errorf("absorbed again: %+v", again)
	}
	for _, r := range u.current(schemas.StreamChanges) {
		out, err := u.do.RemapShard(t.Context(), activities.RemapShardInput{Shard: r.Shard})
		if err != nil || out.Outcome != activities.Unchanged {
			t.Errorf("a remap of %s: %+v, %v", r.Shard, out, err)
		}
	}
}

func (u *upkeep) latest(shard ledger.Shard) ledger.Record {
	u.t.Helper()
	r, err := u.do.Lake.Latest(u.t.Context(), shard)
	if err != nil || r == nil {
		u.t.Fatalf("%s has no record: %v", shard, err)
	}
	return *r
}

// TestAbsorbKeepsWhatIsNowhereElse: for each way in which another shard falls short, the narrower one keeps its files.
func TestAbsorbKeepsWhatIsNowhereElse(t *testing.T) {
	at := func(h int) time.Time { return epoch.Add(time.Duration(h) * time.Hour) }
	for name, c := range map[string]struct {
		narrow, wide standing
		absorbed     bool
	}{
		"the same":                         {standing{"a", 2, at(1)}, standing{"a", 2, at(1)}, true},
		"a newer version":                  {standing{"a", 2, at(1)}, standing{"a", 3, at(2)}, true},
		"an older version":                 {standing{"a", 3, at(1)}, standing{"a", 2, at(2)}, false},
		"the same version, observed later": {standing{"a", 2, at(1)}, standing{"a", 2, at(2)}, true},
		"the same version, seen earlier":   {standing{"a", 2, at(2)}, standing{"a", 2, at(1)}, false},
		"another conversation":             {standing{"a", 2, at(1)}, standing{"b", 2, at(1)}, false},
		"a dead letter for a row":          {standing{"a", 2, at(1)}, standing{"a", -1, at(2)}, false},
		"a tombstone for a row":            {standing{"a", 2, at(1)}, standing{"a", 0, at(2)}, false},
		"a later row for a dead letter":    {standing{"a", -1, at(1)}, standing{"a", 2, at(2)}, true},
		"an earlier row for a dead letter": {standing{"a", -1, at(2)}, standing{"a", 2, at(1)}, false},
		"a later dead letter":              {standing{"a", -1, at(1)}, standing{"a", -1, at(2)}, true},
		"a tombstone for a dead letter":    {standing{"a", -1, at(1)}, standing{"a", 0, at(2)}, false},
		"a later tombstone":                {standing{"a", 0, at(1)}, standing{"a", 0, at(2)}, true},
		"an earlier tombstone":             {standing{"a", 0, at(2)}, standing{"a", 0, at(1)}, false},
		"an earlier row for a tombstone":   {standing{"a", 0, at(2)}, standing{"a", 2, at(1)}, false},
		"a later row for a tombstone":      {standing{"a", 0, at(1)}, standing{"a", 2, at(2)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpkeep(t)
			u.now = at(5)
			narrow := u.commit(schemas.StreamCreated, hourly(0, 1), ledger.CauseExport, c.narrow)
			u.now = at(6)
			wide := u.commit(schemas.StreamCreated, hourly(0, 24), ledger.CauseSettle, c.wide)
			u.mustNotChange("absorb", func() {
				if out := u.absorb(wide.Shard); (out.Absorbed == 1) != c.absorbed {
					t.Errorf("%+v, want absorbed %v", out, c.absorbed)
				}
			})
			if r := u.latest(narrow.Shard); c.absorbed != (len(r.Files) == 0) || r.AbsorbedBy != map[bool]string{true: wide.Digest}[c.absorbed] {
				t.Errorf("%d files, absorbed by %q", len(r.Files), r.AbsorbedBy)
			}
		})
	}
}

// TestAbsorbNeedsTheFilesOfTheOther: a shard is not absorbed by one whose files are damaged.
func TestAbsorbNeedsTheFilesOfTheOther(t *testing.T) {
	for _, table := range []string{"conversations", "messages", "documents"} {
		u := newUpkeep(t)
		u.now = epoch.Add(5 * time.Hour)
		u.commit(schemas.StreamCreated, hourly(0, 1), ledger.CauseExport, standing{"a", 1, epoch})
		wide := u.commit(schemas.StreamCreated, hourly(0, 24), ledger.CauseSettle, standing{"a", 1, epoch})
		for _, f := range wide.Files {
			if f.Table == table {
				if err := u.do.Lake.Store().Delete(t.Context(), f.Key); err != nil {
					t.Fatal(err)
				}
			}
		}
		if out := u.absorb(wide.Shard); out.Absorbed != 0 || out.Kept != 2 {
			t.Errorf("without the file of %s: %+v", table, out)
		}
	}
}

// TestTwoShardsDoNotAbsorbEachOther although both have the same conversations.
func TestTwoShardsDoNotAbsorbEachOther(t *testing.T) {
	u := newUpkeep(t)
	u.now = epoch.Add(5 * time.Hour)
	one := standing{"a", 1, epoch}
	for _, w := range []schemas.Window{hourly(0, 2), hourly(1, 2), hourly(3, 1)} {
		u.commit(schemas.StreamChanges, w, ledger.CauseSync, one)
	}
	if out := u.absorb(u.shard(schemas.StreamChanges, hourly(0, 24))); out.Absorbed != 0 || out.Kept != 3 {
		t.Errorf("%+v, want none absorbed", out)
	}
	u.now = u.now.Add(time.Hour)
	u.commit(schemas.StreamCreated, hourly(-24, 1), ledger.CauseSettle, one)
	u.mustNotChange("absorb", func() {
		if out := u.absorb(u.shard(schemas.StreamChanges, hourly(0, 24))); out.Absorbed != 3 {
			t.Errorf("%+v, want all absorbed by the window of creation", out)
		}
	})
}

// TestMergeNeedsAWholeWindow: a shard of changes says that all of its window was asked for.
func TestMergeNeedsAWholeWindow(t *testing.T) {
	u := newUpkeep(t)
	u.commit(schemas.StreamChanges, hourly(0, 1), ledger.CauseSync, standing{"a", 1, epoch})
	u.commit(schemas.StreamChanges, hourly(2, 1), ledger.CauseSync, standing{"b", 1, epoch})
	if out := u.merge(u.shard(schemas.StreamChanges, hourly(0, 3))); out.Outcome != activities.Kept || !strings.Contains(out.Why, hourly(1, 1).String()) {
		t.Errorf("%+v, want it kept because of the gap", out)
	}
}

// TestMergeFollowsARace: while a shard is being merged, another attempt commits it with more.
func TestMergeFollowsARace(t *testing.T) {
	u := newUpkeep(t)
	u.now = epoch.Add(5 * time.Hour)
	wide := u.shard(schemas.StreamChanges, hourly(0, 2))
	u.commit(schemas.StreamChanges, hourly(0, 1), ledger.CauseSync, standing{"a", 1, epoch})
	u.commit(schemas.StreamChanges, hourly(1, 1), ledger.CauseSync, standing{"b", 1, epoch})
	u.merge(wide)
	u.absorb(wide)
	u.commit(schemas.StreamChanges, hourly(0, 1), ledger.CauseSync, standing{"a", 2, epoch.Add(time.Hour)})
	raced := false
	u.between = func() {
		raced = true
		u.commit(schemas.StreamChanges, hourly(1, 1), ledger.CauseSync, standing{"c", 1, epoch.Add(time.Hour)})
		u.merge(wide)
		u.absorb(wide)
	}
	u.merge(wide)
	if seen := u.read(); len(seen) != 3 || !raced {
		t.Errorf("readers see %v", slices.Sorted(maps.Keys(seen)))
	}
	if r := u.latest(wide); r.Counts.Conversations != 3 {
		t.Errorf("%+v", r.Counts)
	}
}

// TestMergeKeepsWhatThisBuildCannotRead commits nothing if rows would become dead letters.
func TestMergeKeepsWhatThisBuildCannotRead(t *testing.T) {
	u := newUpkeep(t)
	u.commit(schemas.StreamChanges, hourly(0, 1), ledger.CauseSync, standing{"a", 1, epoch})
	u.commit(schemas.StreamChanges, hourly(1, 1), ledger.CauseSync, standing{"b", 1, epoch})
	u.do.Account = func(context.Context, string) (activities.Account, error) {
		return activities.Account{Mapper: providertest.Maps(crooked{u, map[string]bool{"b": true}}), Name: "chatwoot", Spec: "spec"}, nil
	}
	if out := u.merge(u.shard(schemas.StreamChanges, hourly(0, 2))); out.Outcome != activities.Kept || out.Why == "" || len(u.current("")) != 2 {
		t.Errorf("%+v, want it kept", out)
	}
}

// TestMergedReportsSayEachFactOnce: a fact that two windows report is that of the window that was observed last, before and after a merge.
func TestMergedReportsSayEachFactOnce(t *testing.T) {
	u := newUpkeep(t)
	u.commitDocuments(schemas.StreamReports, hourly(0, 1), "1 2 2", "3")
	u.commitDocuments(schemas.StreamReports, hourly(1, 1), "3 4")
	wide := u.shard(schemas.StreamReports, hourly(0, 2))
	if out := u.merge(wide); out.Outcome != activities.Merged {
		t.Fatalf("%+v", out)
	}
	want := map[string]int{"1": 1, "2": 2, "3": 1, "4": 1}
	ratings := func() map[string]int {
		got := map[string]int{}
		for row, err := range u.do.Lake.Rows(t.Context(), u.latest(wide), "ratings", "rating_id", "observed_at") {
			if err != nil {
				t.Fatal(err)
			}
			got[row.Cells[0].Text]++
		}
		return got
	}
	if diff := diffs.Diff(want, ratings()); diff != "" {
		t.Errorf("ratings (-want +got):\n%s", diff)
	}
	if out := u.absorb(wide); out.Absorbed != 2 {
		t.Errorf("%+v", out)
	}
	remapped, err := u.do.RemapShard(t.Context(), activities.RemapShardInput{Shard: wide})
	if err != nil || remapped.Outcome != activities.Unchanged {
		t.Errorf("a remap made other rows: %+v, %v", remapped, err)
	}
	u.consistent()
}

// TestDirectoryMonth drops what a snapshot repeats, and leaves the newest snapshot to readers.
func TestDirectoryMonth(t *testing.T) {
	u := newUpkeep(t)
	for i, bodies := range [][]string{{"anna", "bert"}, {"anna", "bert"}, {"anna", "bert carl"}, {"anna", "bert"}} {
		u.commitDocuments(schemas.StreamDirectory, hourly(24*i, 24), bodies...)
	}
	month := u.shard(schemas.StreamDirectory, schemas.Window{From: epoch, To: epoch.AddDate(0, 1, 0)})
	u.now = month.Window.To.AddDate(0, 0, 5)
	u.maintain(func(step string, do func()) { do() })
	if got := u.current(schemas.StreamDirectory); len(got) != 4 {
		t.Fatalf("the newest snapshot was merged: %d records", len(got))
	}
	if out := u.merge(month); out.Outcome != activities.Merged {
		t.Fatalf("%+v", out)
	}
	if out := u.absorb(month); out.Absorbed != 0 {
		t.Errorf("the newest snapshot was absorbed: %+v", out)
	}
	newest := u.commitDocuments(schemas.StreamDirectory, schemas.Window{From: month.Window.To, To: month.Window.To.AddDate(0, 0, 1)}, "anna", "bert")
	u.maintain(func(step string, do func()) { do() })
	var bodies []string
	for doc, err := range u.do.Lake.Documents(t.Context(), u.latest(month)) {
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, fmt.Sprintf("%s %s", doc.ObservedAt.Format("2"), doc.Body))
	}
	if diff := diffs.Diff([]string{"2 anna", "2 bert", "4 bert carl", "5 bert"}, bodies); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	with := 0
	for _, r := range u.current(schemas.StreamDirectory) {
		if len(r.Files) > 0 {
			with++
		}
	}
	if r := u.latest(newest.Shard); with != 2 || len(r.Files) == 0 {
		t.Errorf("%d snapshots have files, want the month and the newest", with)
	}
	u.consistent()
}

// TestReadersSeeTheSame plays random sequences of syncs, settles, dead letters, deletions, merges and absorptions, some of them repeated,
// raced or left undone, and compares what readers see before and after every step. At the end, nothing newer than what readers see was
// ever committed.
func TestReadersSeeTheSame(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { t.Parallel(); play(t, seed) })
	}
}

func play(t *testing.T, seed uint64) {
	u := newUpkeep(t)
	random := rand.New(rand.NewPCG(seed, 1))
	newest := map[string]int64{} // on the platform
	committed := map[string]int64{}
	gone := map[string]bool{}
	observed := map[string]standing{} // the newest in the lake
	created := map[string]time.Time{}
	at := epoch
	take := func(c standing) standing {
		if c.version > 0 && c.version >= committed[c.id] {
			committed[c.id], observed[c.id] = c.version, c
		}
		return c
	}
	fetch := func(id string) standing {
		switch {
		case gone[id]:
			return take(standing{id, 0, u.now})
		case random.IntN(15) == 0:
			return take(standing{id, -1, u.now})
		}
		return take(standing{id, newest[id], u.now})
	}
	sync := func() {
		w := schemas.Window{From: at, To: at.Add(time.Duration(1+random.IntN(9)) * time.Hour)}
		if month := monthEnd(w.From); w.To.After(month) {
			w.To = month
		}
		at = w.To
		u.now = at.Add(time.Duration(1+random.IntN(30)) * time.Minute)
		var all []standing
		for i := range 6 {
			id := fmt.Sprint("c", random.IntN(6*(1+int(at.Sub(epoch)/(48*time.Hour)))))
			if slices.ContainsFunc(all, func(c standing) bool { return c.id == id }) || gone[id] && i > 0 {
				continue
			}
			if newest[id]++; created[id].IsZero() {
				created[id] = w.From
			}
			if random.IntN(20) == 0 {
				gone[id] = true
			}
			all = append(all, fetch(id))
		}
		u.commit(schemas.StreamChanges, w, ledger.CauseSync, all...)
	}
	settle := func(w schemas.Window) {
		var all []standing
		for _, id := range slices.Sorted(maps.Keys(created)) {
			if !w.Contains(created[id]) {
				continue
			}
			if c, ok := observed[id]; ok && (gone[id] || c.version == newest[id] && random.IntN(2) == 0) {
				all = append(all, c) // reused
			} else {
				all = append(all, fetch(id))
			}
		}
		u.commit(schemas.StreamCreated, w, ledger.CauseSettle, all...)
	}
	checked := func(step string, do func()) {
		if random.IntN(8) == 0 {
			return // the worker died before it
		}
		u.now = u.now.Add(time.Minute)
		u.mustNotChange(step, do)
		if random.IntN(4) == 0 {
			u.mustNotChange(step+" again", do)
		}
	}
	for range 20 {
		for range 1 + random.IntN(4) {
			sync()
		}
		u.now = u.now.Add(time.Hour)
		if random.IntN(2) == 0 {
			settle(dayOf(at.Add(-time.Duration(24+random.IntN(72)) * time.Hour)))
		}
		if random.IntN(6) == 0 {
			end := monthEnd(at.AddDate(0, -1, 0))
			settle(schemas.Window{From: monthEnd(end.AddDate(0, 0, -1).AddDate(0, -1, 0)), To: end})
		}
		if random.IntN(3) == 0 {
			u.maintain(checked)
		}
	}
	u.now = at.AddDate(0, 2, 0)
	u.maintain(u.mustNotChange)
	seen := u.read()
	for id, version := range committed {
		if want := fmt.Sprintf("conversations {false  %d}", version); !strings.HasPrefix(seen[id], want) {
			t.Errorf("readers see another version of %s than the newest, %d:\n%s", id, version, seen[id])
		}
	}
	merged := 0
	for _, r := range u.current(schemas.StreamChanges) {
		if len(r.Files) > 0 && r.Cause == ledger.CauseMerge {
			merged++
		}
	}
	t.Logf("%d conversations, %d shards of changes, %d merged ones with files, %d files of %d shards", len(seen), len(u.current(schemas.StreamChanges)), merged, files(u.current("")), len(u.current("")))
}

func monthEnd(at time.Time) time.Time {
	return time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC)
}

func dayOf(at time.Time) schemas.Window {
	day := at.Truncate(24 * time.Hour)
	return schemas.Window{From: day, To: day.AddDate(0, 0, 1)}
}
