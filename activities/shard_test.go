package activities_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

// platform is a simulated provider with conversations 0..n-1, some of them special.
type platform struct {
	n          int
	twice      bool // the second page repeats the last conversation of the first
	gone       map[string]bool
	malformed  map[string]bool // documents that cannot be mapped
	breaking   map[string]bool // documents that crash the mapper
	counts     int64
	fail       error // the error of every call
	failing    map[string]bool
	silent     map[string]bool // conversations without documents
	asked      []string        // conversations in the order of the requests for single ones
	metadata   float64
	states     map[string]int64 // the number of messages according to the list
	alone      []string         // unwitnessed lists, of every second page
	retried    []providers.Cursor
	counted    int    // how often it was asked for its count
	mismatch   string // the account's on_mismatch
	unreadable int64  // texts of each conversation that could not be decrypted
}

var epoch = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)

func (p *platform) ref(i int) providers.Ref {
	ref := providers.Ref{ID: fmt.Sprint(i), CreatedAt: epoch.Add(time.Duration(i) * time.Minute)}
	if n, ok := p.states[ref.ID]; ok {
		ref.Messages = &n
	}
	return ref
}

const perPage = 5

func (p *platform) Conversations(_ context.Context, _ schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		from := 0
		_, _ = fmt.Sscan(string(at), &from)
		for ; from < p.n || from == 0; from += perPage {
			if p.fail != nil {
				yield(providers.Page{}, p.fail)
				return
			}
			var page providers.Page
			first := from
			if p.twice && from > 0 {
				first--
			}
			for i := first; i < min(from+perPage, p.n); i++ {
				page.Refs = append(page.Refs, p.ref(i))
				page.Documents = append(page.Documents, document("conversation", fmt.Sprint(i)))
			}
			if from+perPage < p.n {
				page.Next = providers.Cursor(fmt.Sprint(from + perPage))
			}
			page.Dropped = 1
			if from%(2*perPage) > 0 {
				page.Unwitnessed = p.alone
			}
			if !yield(page, nil) || page.Next == "" {
				return
			}
		}
	}
}

func document(kind, id string) schemas.Document {
	return schemas.Document{Kind: kind, ConversationID: id, Status: 200, ObservedAt: epoch.Add(time.Hour), Body: []byte(kind + id)}
}

func (p *platform) Messages(_ context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return p.documents("messages", refs)
}

func (p *platform) Metadata(_ context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return p.documents("details", refs)
}

func (p *platform) documents(kind string, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for _, ref := range refs {
			if p.fail != nil {
				yield(schemas.Document{}, p.fail)
				return
			}
			if p.asked = append(p.asked, ref.ID); p.failing[ref.ID] {
				yield(schemas.Document{}, &providers.Error{Kind: providers.Malformed, Op: "fetch"})
				return
			}
			if p.silent[ref.ID] {
				continue
			}
			doc := document(kind, ref.ID)
			if p.gone[ref.ID] {
				doc.Status = 404
			}
			if !yield(doc, nil) {
				return
			}
		}
	}
}

func (p *platform) Thread(docs []schemas.Document) (schemas.Thread, error) {
	id := docs[0].ConversationID
	if p.breaking[id] {
		panic("text of conversation " + id)
	}
	if p.malformed[id] {
		return schemas.Thread{}, &providers.Error{Kind: providers.Malformed, Op: "decode conversation " + id}
	}
	thread := schemas.Thread{Conversation: schemas.Conversation{ConversationID: id, ObservedAt: docs[0].ObservedAt}}
	for i := range int64(3) {
		thread.Messages = append(thread.Messages, schemas.Message{
			ConversationID: id, MessageID: fmt.Sprint(id, "-", i), ObservedAt: docs[0].ObservedAt, Sequence: i, Kind: "message",
		})
	}
	return thread, nil
}

// Retry marks a cursor.
func (p *platform) Retry(at providers.Cursor) providers.Cursor {
	p.retried = append(p.retried, at)
	return at
}

func (p *platform) Unreadable(schemas.Thread) int64 { return p.unreadable }

func (p *platform) Count(context.Context, schemas.Window) (int64, error) {
	p.counted++
	return p.counts, p.fail
}

// bench runs activities against a platform and a lake in a folder.
type bench struct {
	t   *testing.T
	env *testsuite.TestActivityEnvironment
	do  *activities.Activities
	activities.Target
}

func newBench(t *testing.T, p *platform) *bench {
	t.Helper()
	l, err := lake.Open(t.Context(), ledger.Config{URL: "file:" + t.TempDir()}, lake.Config{Scratch: t.TempDir(), Writer: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if p.metadata == 0 {
		p.metadata = 1
	}
	b := &bench{t: t, do: &activities.Activities{
		Lake: l,
		Account: func(context.Context, string) (activities.Account, error) {
			return activities.Account{Reader: providertest.Reads(p), Mapper: providertest.Maps(p), Name: "chatwoot", Spec: "spec", Costs: providers.Costs{MetadataRequests: p.metadata}, OnMismatch: p.mismatch}, nil
		},
	}}
	suite := &testsuite.WorkflowTestSuite{}
	b.env = suite.NewTestActivityEnvironment()
	b.env.RegisterActivity(b.do)
	b.Shard = ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: "created", Window: schemas.Window{From: epoch, To: epoch.AddDate(0, 1, 0)}}
	b.Generation = 1
	return b
}

// must runs an activity that must succeed.
func must[In, Out any](b *bench, activity func(context.Context, In) (Out, error), in In) Out {
	b.t.Helper()
	out, err := try(b, activity, in)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

func try[In, Out any](b *bench, activity func(context.Context, In) (Out, error), in In) (out Out, err error) {
	b.t.Helper()
	value, err := b.env.ExecuteActivity(activity, in)
	if err != nil {
		return out, err
	}
	return out, value.Get(&out)
}

// collect lists and fetches everything, three conversations per page and two per chunk.
func (b *bench) collect() activities.Receipts {
	b.t.Helper()
	var r activities.Receipts
	in := activities.ListPageInput{Target: b.Target, Limit: 7}
	for {
		out := must(b, b.do.ListPage, in)
		r.Pages = append(r.Pages, out.Page)
		for low := 0; low < out.Page.Refs; low += 2 {
			fetch := activities.FetchInput{Target: b.Target, Page: out.Page, Low: low, High: min(low+2, out.Page.Refs)}
			r.Messages = append(r.Messages, must(b, b.do.FetchMessages, fetch).Parts...)
			r.Metadata = append(r.Metadata, must(b, b.do.FetchMetadata, fetch).Parts...)
		}
		if out.Next == "" {
			return r
		}
		in.Cursor, in.Number = out.Next, in.Number+1
	}
}

func (b *bench) seal(r activities.Receipts) activities.SealShardOutput {
	b.t.Helper()
	return must(b, b.do.SealShard, activities.SealShardInput{Target: b.Target, SpecDigest: "spec", Receipts: r})
}

func (b *bench) record() ledger.Record {
	b.t.Helper()
	record, err := b.do.Lake.Latest(b.t.Context(), b.Shard)
	if err != nil || record == nil {
		b.t.Fatalf("no commit record: %v", err)
	}
	return *record
}

func rows(record ledger.Record) map[string]int64 {
	n := map[string]int64{}
	for _, f := range record.Files {
		n[f.Table] += f.Rows
	}
	return n
}

func TestShardGoesThroughEveryStep(t *testing.T) {
	p := &platform{n: 23, twice: true, counts: 23, gone: map[string]bool{"4": true}, malformed: map[string]bool{"9": true}}
	b := newBench(t, p)
	open := must(b, b.do.OpenShard, activities.OpenShardInput{Shard: b.Shard, Spec: "spec"})
	if open.Adopted != nil || open.Generation != 1 || open.Total == nil || *open.Total != 23 {
		t.Fatalf("opened %+v, want generation 1 of 23 conversations", open)
	}
	r := b.collect()
	sealed := must(b, b.do.SealShard, activities.SealShardInput{Target: b.Target, SpecDigest: open.SpecDigest, Receipts: r, TotalBefore: open.Total})
	want := ledger.Counts{Listed: 23, Conversations: 21, Gone: 1, Dead: 1, Messages: 63, Duplicates: sealed.Counts.Duplicates, Documents: 23 * 3}
	if diff := cmp.Diff(want, sealed.Counts); diff != "" || sealed.Counts.Duplicates == 0 {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	verified := must(b, b.do.VerifyShard, activities.VerifyShardInput{Target: b.Target, Draft: sealed.Draft})
	if verified.Missing != 0 || verified.BadFiles != 0 {
		t.Errorf("verified %+v, want nothing missing", verified)
	}
	commit := must(b, b.do.CommitShard, activities.CommitShardInput{Target: b.Target, Draft: sealed.Draft, TotalAfter: verified.Total}).Commit
	if commit.Outcome != "committed" || commit.Counts != sealed.Counts {
		t.Errorf("commit %+v, want committed with the sealed counts", commit)
	}
	wantRows := map[string]int64{"conversations": 21, "messages": 63, "documents": 69, "dead_letters": 1, "tombstones": 1}
	if diff := cmp.Diff(wantRows, rows(b.record())); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if again := must(b, b.do.CommitShard, activities.CommitShardInput{Target: b.Target, Draft: sealed.Draft, TotalAfter: verified.Total}).Commit; again.Outcome != "committed" {
		t.Errorf("the same commit again is %q, want committed", again.Outcome)
	}
	if must(b, b.do.Cleanup, activities.CleanupInput{Target: b.Target}).Removed == 0 {
		t.Error("cleanup removed nothing")
	}
	adopted := must(b, b.do.OpenShard, activities.OpenShardInput{Shard: b.Shard, Spec: "spec"}).Adopted
	if adopted == nil || adopted.Counts != sealed.Counts {
		t.Errorf("opened again: %+v, want what was committed", adopted)
	}
	if next := must(b, b.do.OpenShard, activities.OpenShardInput{Shard: b.Shard, Spec: "spec", Refresh: "again"}); next.Adopted != nil || next.Generation != 2 {
		t.Errorf("opened with another spec: %+v, want generation 2", next)
	}
}

// TestSealGoesOnAfterAConversationThatBreaksTheDecoder expects a dead letter instead of a shard that never ends.
func TestSealGoesOnAfterAConversationThatBreaksTheDecoder(t *testing.T) {
	b := newBench(t, &platform{n: 7, breaking: map[string]bool{"3": true}})
	sealed := b.seal(b.collect())
	if want := (ledger.Counts{Listed: 7, Conversations: 6, Dead: 1, Messages: 18, Documents: 21, Duplicates: sealed.Counts.Duplicates}); sealed.Counts != want {
		t.Errorf("counts %+v, want %+v", sealed.Counts, want)
	}
}

// TestLedgerNamesListsThatNothingWitnesses: a page's unwitnessed lists get into the record and into what is adopted. They are not
// a flag.
func TestLedgerNamesListsThatNothingWitnesses(t *testing.T) {
	b := newBench(t, &platform{n: 23, counts: 23, alone: []string{"users", "chats"}})
	digest := must(b, b.do.OpenShard, activities.OpenShardInput{Shard: b.Shard, Spec: "spec"}).SpecDigest
	sealed := must(b, b.do.SealShard, activities.SealShardInput{Target: b.Target, SpecDigest: digest, Receipts: b.collect()})
	must(b, b.do.CommitShard, activities.CommitShardInput{Target: b.Target, Draft: sealed.Draft})
	want := []string{"chats", "users"}
	if r := b.record(); !slices.Equal(r.Unwitnessed, want) || len(r.Flags) > 0 {
		t.Errorf("the record says %v, flags %v; want %v and none", r.Unwitnessed, r.Flags, want)
	}
	adopted := must(b, b.do.OpenShard, activities.OpenShardInput{Shard: b.Shard, Spec: "spec"}).Adopted
	if adopted == nil || !slices.Equal(adopted.Unwitnessed, want) {
		t.Errorf("adopted %+v, want %v", adopted, want)
	}
}

// commit commits a shard of the window without conversations.
func (b *bench) commit(w schemas.Window, digest string) {
	b.t.Helper()
	shard := b.Shard
	shard.Window = w
	if _, _, err := b.do.Lake.Commit(b.t.Context(), ledger.Record{Shard: shard, Generation: 1, SpecDigest: digest}); err != nil {
		b.t.Fatal(err)
	}
}

func TestOpenShardAdoptsWhatWasRefreshed(t *testing.T) {
	b := newBench(t, &platform{counts: 1})
	open := activities.OpenShardInput{Shard: b.Shard, Spec: "spec", Refresh: "monday"}
	sealed := must(b, b.do.SealShard, activities.SealShardInput{
		Target: b.Target, SpecDigest: must(b, b.do.OpenShard, open).SpecDigest, Refresh: open.Refresh, Receipts: b.collect(),
	})
	must(b, b.do.CommitShard, activities.CommitShardInput{Target: b.Target, Draft: sealed.Draft})
	for _, test := range []struct {
		spec, refresh string
		adopted       bool
	}{
		{"spec", "", true},
		{"spec", "monday", true},
		{"spec", "tuesday", false},
		{"other", "", false},
		{"other", "monday", false},
	} {
		open.Spec, open.Refresh = test.spec, test.refresh
		if out := must(b, b.do.OpenShard, open); (out.Adopted != nil) != test.adopted {
			t.Errorf("spec %s, refresh %q: %+v; want adopted %v", test.spec, test.refresh, out, test.adopted)
		}
	}
}

func TestAdoptingAsksThePlatformNothing(t *testing.T) {
	asked := &providers.Error{Kind: providers.Malformed, Op: "ask"}
	p := &prober{platform{fail: asked}}
	b := newBench(t, &p.platform)
	b.do.Account = func(context.Context, string) (activities.Account, error) {
		return activities.Account{Reader: providertest.Reads(p), Mapper: providertest.Maps(p), Name: "chatwoot", Spec: "spec"}, nil
	}
	for _, adopt := range []bool{false, true} {
		_, errExport := try(b, b.do.OpenExport, activities.OpenExportInput{Account: "acme", Adopt: adopt})
		out, errShard := try(b, b.do.OpenShard, activities.OpenShardInput{Shard: b.Shard, Spec: "spec", Adopt: adopt})
		if (errExport == nil) != adopt || (errShard == nil) != adopt || out.Adopted != nil {
			t.Errorf("adopt %v: opened the export with %v, the shard with %+v, %v", adopt, errExport, out, errShard)
		}
	}
}

// prober also checks credentials.
type prober struct{ platform }

func (p *prober) Probe(context.Context) (providers.Probe, error) { return providers.Probe{}, p.fail }

func TestOpenShardFindsTheHalvesOfASplit(t *testing.T) {
	counted := &providers.Error{Kind: providers.Malformed, Op: "count"} // requests to the provider fail
	b := newBench(t, &platform{fail: counted})
	open := func() (activities.OpenShardOutput, error) {
		return try(b, b.do.OpenShard, activities.OpenShardInput{Shard: b.Shard, Spec: "spec"})
	}
	left, right, _ := b.Shard.Window.Halve()
	inner, _, _ := right.Halve()
	b.commit(schemas.Window{From: left.From, To: left.From.AddDate(0, 0, 1)}, "x") // a day, which no split produces
	if out, err := open(); kindOf(err) != string(providers.Malformed) {
		t.Fatalf("opened %+v, error %v; want the provider asked for its count", out, err)
	}
	b.commit(inner, "x") // a quarter: the rest is copied when the halves are opened
	if out, err := open(); err != nil || !out.Halved || out.Adopted != nil {
		t.Errorf("opened %+v, error %v; want halved", out, err)
	}
	b.commit(b.Shard.Window, "another spec")
	if out, err := open(); kindOf(err) != string(providers.Malformed) || out.Halved {
		t.Errorf("opened %+v, error %v; want the window itself, which the ledger has", out, err)
	}
}

func TestSealIsAFunctionOfTheWinners(t *testing.T) {
	b := newBench(t, &platform{n: 23, counts: 23})
	r := b.collect()
	b.collect() // attempts that lost
	files := map[string]bool{}
	for range 3 {
		var record ledger.Record
		if err := b.do.Lake.ReadHeader(t.Context(), b.seal(r).Draft, &record); err != nil {
			t.Fatal(err)
		}
		for _, f := range record.Files {
			files[f.Key] = true
		}
	}
	if len(files) != 3 {
		t.Errorf("three seals wrote %d different files, want the same 3: %v", len(files), files)
	}
}

func TestSealWritesDeadLettersOfFetches(t *testing.T) {
	b := newBench(t, &platform{n: 4})
	r := b.collect()
	r.Messages = r.Messages[:1] // [0, 2)
	r.Dead = []activities.DeadRef{
		{Page: 0, Index: 2, Step: "FetchMessages", Kind: "Malformed", Attempts: 1},
		{Page: 0, Index: 3, Step: "FetchMessages", Kind: "Timeout", Attempts: 4},
	}
	if counts := b.seal(r).Counts; counts.Dead != 2 || counts.Conversations != 2 || counts.Documents != 2*3+2*2 {
		t.Errorf("counts %+v, want 2 dead with the documents that there are", counts)
	}
}

func TestSealRefusesReceiptsThatDoNotCoverTheList(t *testing.T) {
	for name, change := range map[string]func(*activities.Receipts){
		"a chunk is missing":  func(r *activities.Receipts) { r.Messages = r.Messages[1:] },
		"a chunk is twice":    func(r *activities.Receipts) { r.Metadata = append(r.Metadata, r.Metadata[0]) },
		"the last is missing": func(r *activities.Receipts) { r.Metadata = r.Metadata[:len(r.Metadata)-1] },
		"another page's":      func(r *activities.Receipts) { r.Messages[0].Staged = r.Messages[1].Staged },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, &platform{n: 23})
			r := b.collect()
			change(&r)
			_, err := try(b, b.do.SealShard, activities.SealShardInput{Target: b.Target, Receipts: r})
			if kindOf(err) != activities.Incomplete {
				t.Errorf("sealed with %v, want an error of type Incomplete", err)
			}
		})
	}
}

func TestReceiptsThatWereSavedAreSealed(t *testing.T) {
	b := newBench(t, &platform{n: 23})
	r := b.collect()
	saved := must(b, b.do.SaveReceipts, activities.SaveReceiptsInput{Target: b.Target, Receipts: r}).Saved
	if counts := b.seal(activities.Receipts{Saved: []ledger.Staged{saved}}).Counts; counts.Conversations != 23 {
		t.Errorf("sealed %d conversations, want 23", counts.Conversations)
	}
}

func TestListAgainLeavesOutWhatIsKnown(t *testing.T) {
	p := &platform{n: 4}
	b := newBench(t, p)
	r := b.collect()
	p.n = 6
	out := must(b, b.do.ListPage, activities.ListPageInput{Target: b.Target, Limit: 50, Number: 1, Known: &r})
	if out.Page.Refs != 2 {
		t.Errorf("listed %d conversations, want the 2 that are new", out.Page.Refs)
	}
}

func TestLostStagingIsToldApart(t *testing.T) {
	b := newBench(t, &platform{n: 4})
	r := b.collect()
	if err := b.do.Lake.Store().Delete(t.Context(), r.Messages[0].Staged.Key); err != nil {
		t.Fatal(err)
	}
	_, err := try(b, b.do.SealShard, activities.SealShardInput{Target: b.Target, Receipts: r})
	if kindOf(err) != activities.StagingLost {
		t.Errorf("sealed with %v, want an error of type StagingLost", err)
	}
}

func kindOf(err error) string {
	var application *temporal.ApplicationError
	if !errors.As(err, &application) {
		return ""
	}
	return application.Type()
}

func TestErrorsInTemporalsTerms(t *testing.T) {
	for kind, retryable := range map[providers.Kind]bool{
		providers.Transient: true, providers.Throttled: true, providers.Pending: true,
		providers.Denied: false, providers.Malformed: false, providers.NotFound: false,
		providers.CursorExpired: false, providers.WindowTooDense: false,
	} {
		t.Run(string(kind), func(t *testing.T) {
			b := newBench(t, &platform{n: 4, fail: &providers.Error{Kind: kind, Op: "list conversations", After: 3 * time.Minute}})
			_, err := try(b, b.do.ListPage, activities.ListPageInput{Target: b.Target, Limit: 10})
			var application *temporal.ApplicationError
			if !errors.As(err, &application) {
				t.Fatalf("error %v, want an application error", err)
			}
			if application.Type() != string(kind) || application.NonRetryable() == retryable || application.NextRetryDelay() != 3*time.Minute {
				t.Errorf("type %s, non-retryable %v, next retry in %s", application.Type(), application.NonRetryable(), application.NextRetryDelay())
			}
		})
	}
}

// TestShardWithoutMetadata seals the conversations of a provider without metadata.
func TestShardWithoutMetadata(t *testing.T) {
	p := &platform{n: 23}
	b := newBench(t, p)
	r := b.collect()
	p.metadata, r.Metadata = 0, nil
	b.do.Account = func(context.Context, string) (activities.Account, error) {
		return activities.Account{Reader: providertest.Reads(p), Mapper: providertest.Maps(p), Name: "chatwoot", Spec: "spec"}, nil
	}
	if counts := b.seal(r).Counts; counts.Conversations != 23 || counts.Documents != 23*2 {
		t.Errorf("counts %+v, want 23 conversations of two documents each", counts)
	}
}

// reporter also reports ratings; one of its documents is malformed.
type reporter struct{ platform }

func (*reporter) Reports(_ context.Context, w schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		if at == "" && !yield(providers.Page{Documents: []schemas.Document{document("report", "")}, Next: "2"}, nil) {
			return
		}
		bad := document("report", "")
		bad.Sequence, bad.Body = 1, []byte("?")
		yield(providers.Page{Documents: []schemas.Document{bad}}, nil)
	}
}

func (*reporter) Report(doc schemas.Document) (schemas.Snapshot, error) {
	if string(doc.Body) == "?" {
		return schemas.Snapshot{}, errors.New("read the rows: no columns")
	}
	return schemas.Snapshot{
		Ratings: []schemas.Rating{{ConversationID: "7", RatingID: "r", ObservedAt: doc.ObservedAt, Kind: "csat"}},
		Events:  []schemas.Event{{ConversationID: "8", EventID: "e", ObservedAt: doc.ObservedAt, Kind: "label"}},
	}, nil
}

func TestReportsBecomeRowsAndDeadLetters(t *testing.T) {
	p := &reporter{platform{counts: 5}}
	b := newBench(t, &p.platform)
	b.do.Account = func(context.Context, string) (activities.Account, error) {
		return activities.Account{Reader: providertest.Reads(p), Mapper: providertest.Maps(p), Name: "chatwoot", Spec: "spec", Costs: providers.Costs{MetadataRequests: 1}}, nil
	}
	if open := must(b, b.do.OpenExport, activities.OpenExportInput{Account: "acme"}); !open.HasReports || open.HasDirectory {
		t.Errorf("opened %+v, want reports and no directory", open)
	}
	b.Shard.Stream = schemas.StreamReports
	if open := must(b, b.do.OpenShard, activities.OpenShardInput{Shard: b.Shard, Spec: "spec"}); open.Total != nil {
		t.Errorf("%d conversations are expected of reports", *open.Total)
	}
	sealed := b.seal(b.collect())
	want := ledger.Counts{Documents: 2, Dead: 1}
	if diff := cmp.Diff(want, sealed.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	must(b, b.do.CommitShard, activities.CommitShardInput{Target: b.Target, Draft: sealed.Draft})
	wantRows := map[string]int64{"ratings": 1, "events": 1, "documents": 2, "dead_letters": 1}
	if diff := cmp.Diff(wantRows, rows(b.record())); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	closed := must(b, b.do.CloseExport, activities.CloseExportInput{
		Provider: "chatwoot", Account: "acme", Name: "x", Window: b.Shard.Window,
		Streams: []schemas.Stream{schemas.StreamCreated, schemas.StreamReports},
	})
	if len(closed.Gaps) != 1 || closed.Gaps[0] != b.Shard.Window {
		t.Errorf("gaps %v, want the window of conversations, which nobody committed", closed.Gaps)
	}
}

// TestExportNamesWhatIsLost: what was listed after its deadline is lost, although it is committed, and what is missing behind the horizon
// is lost and no gap.
func TestExportNamesWhatIsLost(t *testing.T) {
	b := newBench(t, &platform{n: 4})
	sealed := b.seal(b.collect())
	must(b, b.do.CommitShard, activities.CommitShardInput{Target: b.Target, Draft: sealed.Draft})
	known := b.do.Account
	keeps := schemas.Retention{}
	b.do.Account = func(ctx context.Context, name string) (activities.Account, error) {
		account, err := known(ctx, name)
		account.Retention = map[schemas.Stream]schemas.Retention{schemas.StreamCreated: keeps}
		return account, err
	}
	w := b.Shard.Window
	before := schemas.Window{From: w.From.AddDate(0, 0, -1), To: w.From}
	in := activities.CloseExportInput{
		Provider: "chatwoot", Account: "acme", Name: "x", Window: schemas.Window{From: before.From, To: w.To}, Streams: []schemas.Stream{schemas.StreamCreated},
	}
	if out := must(b, b.do.CloseExport, in); len(out.Lost) != 0 || len(out.Gaps) != 1 || out.Gaps[0] != before {
		t.Errorf("of a platform that keeps everything: lost %v, gaps %v, want the gap", out.Lost, out.Gaps)
	}
	keeps.Rest, in.Name = 24*time.Hour, "y"
	out := must(b, b.do.CloseExport, in)
	if len(out.Gaps) != 0 || len(out.Lost) != 2 || out.Lost[0].Window != before || out.Lost[0].Listed != nil || out.Lost[1].Window != w || out.Lost[1].Listed == nil {
		t.Errorf("of a platform that keeps a day: lost %+v, gaps %v, want both windows lost", out.Lost, out.Gaps)
	}
}

// Texts that could not be decrypted are counted in the ledger. Without any, the record has no count.
func TestLedgerCountsUnreadableTexts(t *testing.T) {
	for each, want := range map[int64]int64{0: 0, 3: 12} {
		b := newBench(t, &platform{n: 4, unreadable: each})
		sealed := b.seal(b.collect())
		must(b, b.do.CommitShard, activities.CommitShardInput{Target: b.Target, Draft: sealed.Draft})
		if n := b.record().Counts.Unreadable; n != want || sealed.Counts.Unreadable != want {
			t.Errorf("%d of each conversation: the seal counts %d, the ledger %d; want %d", each, sealed.Counts.Unreadable, n, want)
		}
	}
}

func TestLedgerSaysWhereThePlatformStatesOtherNumbers(t *testing.T) {
	b := newBench(t, &platform{n: 4, states: map[string]int64{"0": 3, "1": 4, "2": 0}})
	sealed := b.seal(b.collect())
	if sealed.MessageMismatches != 2 || sealed.Counts.Mismatched != 2 {
		t.Errorf("%d mismatches, %d in the counts; want 2 of three conversations whose number is stated", sealed.MessageMismatches, sealed.Counts.Mismatched)
	}
	must(b, b.do.CommitShard, activities.CommitShardInput{Target: b.Target, Draft: sealed.Draft})
	if n := b.record().Counts.Mismatched; n != 2 {
		t.Errorf("the ledger says %d", n)
	}
}

// A list that a person has ordered to retry starts with a cursor without failures; other lists do not.
func TestListPageRetries(t *testing.T) {
	p := &platform{n: 12}
	b := newBench(t, p)
	must(b, b.do.ListPage, activities.ListPageInput{Target: b.Target, Limit: 7, Cursor: "5"})
	must(b, b.do.ListPage, activities.ListPageInput{Target: b.Target, Limit: 7, Cursor: "5", Retry: true})
	if diff := cmp.Diff([]providers.Cursor{"5"}, p.retried); diff != "" {
		t.Errorf("cursors that were tried again (-want +got):\n%s", diff)
	}
}

// The current value of on_mismatch is returned together with a count that does not match.
func TestVerifyShardSaysWhetherToFlag(t *testing.T) {
	for _, tt := range []struct {
		mismatch string
		counts   int64
		want     bool
	}{{"block", 7, false}, {"flag", 7, true}, {"flag", 5, false}} {
		p := &platform{n: 5, counts: tt.counts, mismatch: tt.mismatch}
		b := newBench(t, p)
		open := must(b, b.do.OpenShard, activities.OpenShardInput{Shard: b.Shard, Spec: "spec"})
		sealed := must(b, b.do.SealShard, activities.SealShardInput{Target: b.Target, Receipts: b.collect(), TotalBefore: open.Total})
		out := must(b, b.do.VerifyShard, activities.VerifyShardInput{Target: b.Target, Draft: sealed.Draft})
		if out.Flag != tt.want {
			t.Errorf("on_mismatch %s, %d of 5 counted: flag %t, want %t", tt.mismatch, tt.counts, out.Flag, tt.want)
		}
	}
}
