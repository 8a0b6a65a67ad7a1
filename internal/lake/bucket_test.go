package lake

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/ledger/s3test"
	"github.com/chatlake/chatlake/schemas"
)

// onBucket opens the lake on a test server once for each of n workers, each with its own connections and scratch folder.
func onBucket(t *testing.T, n int) []*Lake {
	t.Helper()
	server := s3test.Start(t)
	lakes := make([]*Lake, n)
	for i := range lakes {
		c := on(server)
		c.URL += "/lake"
		var err error
		if lakes[i], err = Open(t.Context(), c, Config{Scratch: t.TempDir(), Writer: "test"}); err != nil {
			t.Fatal(err)
		}
	}
	return lakes
}

func TestStagingOnABucket(t *testing.T) {
	lakes := onBucket(t, 2)
	writer, reader := lakes[0], lakes[1]
	st := stageAll(t, writer, []string{"x"})
	read := func() (got []schemas.Document, last error) {
		var header []string
		for doc, err := range reader.ReadStaged(t.Context(), st, &header) {
			if err != nil {
				return got, err
			}
			got = append(got, doc)
		}
		return got, nil
	}
	got, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stagedDocuments, got); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	mustPut(t, writer.Store(), st.Key, "something else")
	if _, err := read(); !errors.Is(err, ErrStagingLost) {
		t.Errorf("overwritten: %v, want ErrStagingLost", err)
	}
	if removed, err := writer.ClearStaging(t.Context(), may("acme"), 1); err != nil || removed != 1 {
		t.Errorf("cleared %d objects, error %v; want 1", removed, err)
	}
	if _, err := read(); !errors.Is(err, ErrStagingLost) {
		t.Errorf("cleared: %v, want ErrStagingLost", err)
	}
}

// sealed writes Parquet files with n documents.
func sealed(t *testing.T, l *Lake, n int) []ledger.File {
	t.Helper()
	seal, err := NewSeal(t.Context(), l.Store(), l.Scratch(), may("acme"), l.Writer())
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := seal.Document(schemas.Document{Kind: "messages", ConversationID: fmt.Sprint(i), Body: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	files, err := seal.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestWorkersCommitAShardToABucketOnce(t *testing.T) {
	lakes := onBucket(t, 8)
	records := make([]ledger.Record, len(lakes))
	for i, l := range lakes {
		records[i] = ledger.Record{Shard: may("acme"), SpecDigest: "spec", Files: sealed(t, l, i+1)}
	}
	outcomes := make([]ledger.Outcome, len(lakes))
	existing := make([]ledger.Record, len(lakes))
	var group sync.WaitGroup
	for i, l := range lakes {
		group.Go(func() {
			var err error
			if outcomes[i], existing[i], err = l.Commit(t.Context(), records[i]); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	var winners []int
	for i, outcome := range outcomes {
		if outcome == ledger.Committed {
			winners = append(winners, i)
		}
	}
	if len(winners) != 1 {
		t.Fatalf("%v have won, want one", winners)
	}
	for i, s := range existing {
		if diff := cmp.Diff(existing[winners[0]], s); diff != "" {
			t.Errorf("worker %d sees another record (-winner's +its):\n%s", i, diff)
		}
	}
	if outcome, _, err := lakes[0].Commit(t.Context(), records[winners[0]]); err != nil || outcome != ledger.Committed {
		t.Errorf("the winner's record again: %s, error %v; want committed", outcome, err)
	}
	current, err := lakes[0].Current(t.Context(), ledger.Filter{})
	if err != nil || len(current) != 1 || !cmp.Equal(current[0], existing[0]) {
		t.Errorf("current %+v, error %v; want the winner's record", current, err)
	}
	orphans := 0
	for object, err := range lakes[0].Orphans(t.Context(), ledger.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if object.Key == existing[0].Files[0].Key {
			t.Errorf("%s is the winner's and no orphan", object.Key)
		}
		orphans++
	}
	if orphans != len(lakes)-1 {
		t.Errorf("%d orphans, want the files of %d losers", orphans, len(lakes)-1)
	}
}

func TestVerifyReadsABucket(t *testing.T) {
	l := onBucket(t, 1)[0]
	_, record, err := l.Commit(t.Context(), ledger.Record{Shard: may("acme"), SpecDigest: "spec", Files: sealed(t, l, 100)})
	if err != nil {
		t.Fatal(err)
	}
	file := record.Files[0]
	whole := get(t, l.Store(), file.Key)
	for _, test := range []struct{ what, content, want string }{
		{"whole", whole, ""},
		{"changed", whole[:len(whole)/3] + "?" + whole[len(whole)/3+1:], "digest"},
		{"cut short", whole[:len(whole)-10], "bytes"},
		{"another file", strings.Repeat("x", len(whole)), "damaged"},
	} {
		mustPut(t, l.Store(), file.Key, test.content)
		findings, err := l.VerifyRecord(t.Context(), record, true)
		if err != nil {
			t.Fatal(err)
		}
		if (test.want == "") != (len(findings) == 0) || len(findings) > 0 && !strings.Contains(findings[0].Problem, test.want) {
			t.Errorf("%s: findings %v, want one containing %q", test.what, findings, test.want)
		}
	}
	if err := l.Store().Delete(t.Context(), file.Key); err != nil {
		t.Fatal(err)
	}
	if findings, err := l.VerifyRecord(t.Context(), record, true); err != nil || len(findings) != 1 || !strings.Contains(findings[0].Problem, "missing") {
		t.Errorf("gone: findings %v, error %v; want one containing missing", findings, err)
	}
}
