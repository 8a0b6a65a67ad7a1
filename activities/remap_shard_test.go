package activities_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

// crooked is the mapper of an old build: it gives every conversation the same subject, drops one message, and fails on some
// conversations.
type crooked struct {
	providers.Mapper
	givesUp map[string]bool
}

func (c crooked) Thread(docs []schemas.Document) (schemas.Thread, error) {
	if c.givesUp[docs[0].ConversationID] {
		return schemas.Thread{}, &providers.Error{Kind: providers.Malformed, Op: "decode"}
	}
	thread, err := c.Mapper.Thread(docs)
	if err == nil {
		thread.Messages = thread.Messages[1:]
		for i := range thread.Messages {
			thread.Messages[i].Sequence = int64(i)
		}
	}
	return thread, err
}

// mapped makes a bench use a mapper, and fails the test if the account is opened.
func (b *bench) mapped(m providers.Mapper, metadata float64) {
	b.do.Account = func(context.Context, string) (activities.Account, error) {
		return activities.Account{
			Reader: func() (providers.Reader, error) {
				b.t.Error("the account was opened")
				return nil, &providers.Error{Kind: providers.Denied, Op: "open account"}
			},
			Mapper: providertest.Maps(m), Name: "chatwoot", Spec: "spec", Costs: providers.Costs{MetadataRequests: metadata},
		}, nil
	}
}

// committed lists, fetches and commits a shard as an old build would, with a conversation of every outcome: messages of 2 and
// metadata of 3 could not be fetched, 4 is gone, and 9 and 10 could not be read.
func committed(t *testing.T, p *platform, flags ...string) (*bench, ledger.Record) {
	t.Helper()
	b := newBench(t, p)
	p.gone = map[string]bool{"4": true}
	r := b.collect()
	r.Dead = []activities.DeadRef{
		{Page: 0, Index: 2, Step: "FetchMessages", Kind: "Malformed", Detail: "fetch", Attempts: 4},
		{Page: 0, Index: 3, Step: "FetchMetadata", Kind: "Timeout", Detail: "late", Attempts: 2},
	}
	r.Messages = b.without(r.Messages, r.Pages[0], 2, b.do.FetchMessages)
	r.Metadata = b.without(r.Metadata, r.Pages[0], 3, b.do.FetchMetadata)
	b.mapped(crooked{p, map[string]bool{"9": true, "10": true}}, p.metadata)
	sealed := must(b, b.do.SealShard, activities.SealShardInput{
		Target: b.Target, SpecDigest: activities.SpecDigest("spec", b.Shard, ""), Receipts: r, OutOfWindow: 3, TotalBefore: new(int64(24)), Visibility: "partial",
	})
	must(b, b.do.CommitShard, activities.CommitShardInput{Target: b.Target, Draft: sealed.Draft, TotalAfter: new(int64(25)), Flags: flags})
	must(b, b.do.Cleanup, activities.CleanupInput{Target: b.Target})
	b.mapped(p, p.metadata)
	return b, b.record()
}

// without fetches the chunks of a page again, except for one conversation.
func (b *bench) without(all []activities.ChunkReceipt, page activities.PageReceipt, index int, fetch func(context.Context, activities.FetchInput) (activities.FetchOutput, error)) []activities.ChunkReceipt {
	b.t.Helper()
	all = slices.DeleteFunc(all, func(c activities.ChunkReceipt) bool { return c.Page == page.Number })
	for _, part := range [][2]int{{0, index}, {index + 1, page.Refs}} {
		if part[0] < part[1] {
			in := activities.FetchInput{Target: b.Target, Page: page, Low: part[0], High: part[1]}
			all = append(all, must(b, fetch, in).Parts...)
		}
	}
	return all
}

func (b *bench) column(r ledger.Record, table string, columns ...string) (all [][]lake.Cell) {
	b.t.Helper()
	for row, err := range b.do.Lake.Rows(b.t.Context(), r, table, columns...) {
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, slices.Clone(row.Cells))
	}
	return all
}

// remap maps the shard again, each time as another run.
func (b *bench) remap() activities.RemapShardOutput {
	b.t.Helper()
	out, err := b.do.RemapShard(b.t.Context(), activities.RemapShardInput{Shard: b.Shard})
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

func TestRemapHoldsTheRowsOfTheMendedMapping(t *testing.T) {
	p := &platform{n: 23, states: map[string]int64{"0": 3, "1": 7}, alone: []string{"users"}}
	b, old := committed(t, p, activities.FlagMessages, "count_mismatch")
	asked := len(p.asked)
	out := must(b, b.do.RemapShard, activities.RemapShardInput{Shard: b.Shard})
	record := b.record()
	if out.Outcome != activities.Rewritten || record.Generation != 2 || record.Cause != ledger.CauseRemap || record.Rewrites != old.Digest {
		t.Fatalf("%+v, generation %d, cause %q", out, record.Generation, record.Cause)
	}
	if len(p.asked) > asked {
		t.Errorf("the platform was asked %d times", len(p.asked)-asked)
	}
	want := old.Counts
	want.Conversations, want.Dead, want.Messages, want.Mismatched = 20, 2, 60, 1
	if diff := cmp.Diff(want, record.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	// Only the old generation has these.
	if *record.TotalBefore != 24 || *record.TotalAfter != 25 || record.Visibility != "partial" || record.SpecDigest != old.SpecDigest {
		t.Errorf("totals %d and %d, visibility %s", *record.TotalBefore, *record.TotalAfter, record.Visibility)
	}
	if diff := cmp.Diff([]string{activities.FlagMessages, "count_mismatch"}, record.Flags); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"users"}, record.Unwitnessed); diff != "" {
		t.Errorf("lists without a witness (-want +got):\n%s", diff)
	}
	for table, columns := range map[string][]string{
		"documents":  {"conversation_id", "kind", "sequence", "status", "observed_at", "body", "body_text"},
		"tombstones": {"conversation_id", "observed_at", "reason"},
	} {
		if diff := cmp.Diff(b.column(old, table, columns...), b.column(record, table, columns...)); diff != "" {
			t.Errorf("%s (-before +after):\n%s", table, diff)
		}
	}
	dead := []string{"conversation_id", "observed_at", "step", "error_kind", "detail", "attempts"}
	if diff := cmp.Diff(b.column(old, "dead_letters", dead...)[:2], b.column(record, "dead_letters", dead...)); diff != "" {
		t.Errorf("dead letters (-before +after):\n%s", diff)
	}
	// The rows are the same as if the fixed build had read the shard itself.
	fresh := newBench(t, &platform{n: 23, states: p.states, gone: p.gone, alone: p.alone})
	sealed := fresh.seal(fresh.collect())
	must(fresh, fresh.do.CommitShard, activities.CommitShardInput{Target: fresh.Target, Draft: sealed.Draft})
	all := func(b *bench, r ledger.Record) (ids [][]lake.Cell) {
		for _, row := range b.column(r, "messages", "conversation_id", "message_id", "sequence", "observed_at") {
			if id := row[0].Text; id != "2" && id != "3" {
				ids = append(ids, row)
			}
		}
		return ids
	}
	if diff := cmp.Diff(all(fresh, fresh.record()), all(b, record)); diff != "" {
		t.Errorf("messages (-read anew +remapped):\n%s", diff)
	}
	if retried := must(b, b.do.RemapShard, activities.RemapShardInput{Shard: b.Shard}); retried.Outcome != activities.Rewritten || b.record().Generation != 2 {
		t.Errorf("another attempt of the same run: %+v, generation %d", retried, b.record().Generation)
	}
	again := b.remap()
	if again.Outcome != activities.Unchanged || b.record().Generation != 2 {
		t.Errorf("once more: %+v, generation %d", again, b.record().Generation)
	}
	if findings, err := b.do.Lake.VerifyRecord(t.Context(), record, true); err != nil || len(findings) > 0 {
		t.Errorf("%v, %v", findings, err)
	}
}

// TestRemapKeepsWhatItWouldLose maps with a build that can read or decrypt less than the previous one.
func TestRemapKeepsWhatItWouldLose(t *testing.T) {
	for name, worse := range map[string]func(*platform) providers.Mapper{
		"conversations": func(p *platform) providers.Mapper {
			return crooked{p, map[string]bool{"1": true}}
		},
		"texts": func(p *platform) providers.Mapper {
			worse := *p
			worse.unreadable = 1
			return &worse
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := &platform{n: 12}
			b, old := committed(t, p)
			b.mapped(worse(p), 1)
			out := b.remap()
			if out.Outcome != activities.Kept || out.Why == "" || b.record().Digest != old.Digest {
				t.Errorf("%+v, generation %d", out, b.record().Generation)
			}
		})
	}
}

// TestRemapKeepsAShardOfANewerVersion: a build that does not know the tables would copy documents without what newer columns have.
func TestRemapKeepsAShardOfANewerVersion(t *testing.T) {
	b, old := committed(t, &platform{n: 12})
	newer := old
	newer.Generation, newer.Rewrites, newer.SchemaVersion = 2, old.Digest, schemas.Version+1
	if _, _, err := b.do.Lake.Commit(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	out := b.remap()
	if out.Outcome != activities.Kept || !strings.Contains(out.Why, "schema version 3") || b.record().Generation != 2 {
		t.Errorf("%+v, generation %d", out, b.record().Generation)
	}
}

func TestRemapKeepsAShardWhoseFilesAreDamaged(t *testing.T) {
	b, old := committed(t, &platform{n: 12})
	for _, f := range old.Files {
		if f.Table == "documents" {
			if err := b.do.Lake.Store().Put(t.Context(), f.Key, strings.NewReader("?"), 1, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	out := b.remap()
	if out.Outcome != activities.Kept || b.record().Generation != 1 {
		t.Errorf("%+v, generation %d", out, b.record().Generation)
	}
}

// racing commits another generation just before a record is committed. Threads are mapped concurrently.
type racing struct {
	providers.Mapper
	once   sync.Once
	before func()
}

func (r *racing) Thread(docs []schemas.Document) (schemas.Thread, error) {
	if docs[0].ConversationID == "11" {
		r.once.Do(r.before)
	}
	return r.Mapper.Thread(docs)
}

// TestRemapReplacesTheRecordThatItOpenedOn commits another generation while a shard is being mapped. That one is mapped next.
func TestRemapReplacesTheRecordThatItOpenedOn(t *testing.T) {
	p := &platform{n: 12}
	b, old := committed(t, p)
	other := old
	other.SpecDigest, other.Visibility = "another", "full"
	b.mapped(&racing{Mapper: p, before: func() {
		if _, _, err := b.do.Lake.Commit(t.Context(), other); err != nil {
			t.Error(err)
		}
	}}, 1)
	out := b.remap()
	record := b.record()
	if out.Outcome != activities.Rewritten || record.Generation != 3 || record.SpecDigest != "another" || record.Visibility != "full" {
		t.Errorf("%+v, generation %d of spec %s", out, record.Generation, record.SpecDigest)
	}
}

// TestRemapOfReports maps documents that belong to no single conversation.
func TestRemapOfReports(t *testing.T) {
	p := &reporter{platform{}}
	b := newBench(t, &p.platform)
	b.Shard.Stream = schemas.StreamReports
	b.do.Account = func(context.Context, string) (activities.Account, error) {
		return activities.Account{Reader: providertest.Reads(p), Mapper: providertest.Maps(blind{p}), Name: "chatwoot", Spec: "spec"}, nil
	}
	var r activities.Receipts
	for next, number := providers.Cursor(""), 0; number == 0 || next != ""; number++ {
		page := must(b, b.do.ListPage, activities.ListPageInput{Target: b.Target, Number: number, Cursor: next, Limit: 10})
		r.Pages, next = append(r.Pages, page.Page), page.Next
	}
	sealed := b.seal(r)
	must(b, b.do.CommitShard, activities.CommitShardInput{Target: b.Target, Draft: sealed.Draft})
	b.mapped(p, 0)
	out := b.remap()
	if got := rows(b.record()); out.Outcome != activities.Rewritten || got["ratings"] != 1 || got["dead_letters"] != 1 || got["documents"] != 2 {
		t.Errorf("%+v, rows %v", out, got)
	}
	if again := b.remap(); again.Outcome != activities.Unchanged {
		t.Errorf("once more: %+v", again)
	}
	b.mapped(blind{p}, 0)
	if worse := b.remap(); worse.Outcome != activities.Kept {
		t.Errorf("with a build that reads less: %+v", worse)
	}
}

// blind cannot read reports.
type blind struct{ providers.Mapper }

func (blind) Report(schemas.Document) (schemas.Snapshot, error) {
	return schemas.Snapshot{}, &providers.Error{Kind: providers.Malformed, Op: "read"}
}

// TestRemapOfAnotherSchema writes all files again, including those of the documents.
func TestRemapOfAnotherSchema(t *testing.T) {
	p := &platform{n: 12}
	b, old := committed(t, p)
	b.remap()
	other := b.record()
	other.SchemaVersion, other.SpecDigest = old.SchemaVersion-1, "another"
	other.Cause, other.Rewrites = "", ""
	if _, _, err := b.do.Lake.Commit(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	out := b.remap()
	if record := b.record(); out.Outcome != activities.Rewritten || record.SchemaVersion != schemas.Version || record.Generation != 4 {
		t.Errorf("%+v, generation %d of schema %d", out, record.Generation, record.SchemaVersion)
	}
}

func TestListCommitted(t *testing.T) {
	b, _ := committed(t, &platform{n: 12})
	in := activities.ListCommittedInput{Account: "acme", Range: b.Shard.Window, Limit: 1}
	if out := must(b, b.do.ListCommitted, in); len(out.Shards) != 1 || out.Shards[0] != b.Shard || out.Total != 1 || out.More {
		t.Errorf("%+v", out)
	}
	in.After = b.Shard.String()
	if out := must(b, b.do.ListCommitted, in); len(out.Shards) != 0 || out.Total != 1 {
		t.Errorf("%+v", out)
	}
}

// TestRemapByAnotherBuild writes other bytes for the same rows and commits nothing.
func TestRemapByAnotherBuild(t *testing.T) {
	b, _ := committed(t, &platform{n: 12})
	b.remap()
	first := b.do.Lake
	b.do.Lake = lake.New(first.Ledger, lake.Config{Scratch: t.TempDir(), Writer: "another build"})
	if out := b.remap(); out.Outcome != activities.Unchanged || b.record().Generation != 2 {
		t.Errorf("%+v, generation %d", out, b.record().Generation)
	}
	if swept, err := first.Sweep(t.Context(), "", false); err != nil || swept.Files+swept.Young > 0 {
		t.Errorf("%+v, %v: want no file that no record names", swept, err)
	}
}
