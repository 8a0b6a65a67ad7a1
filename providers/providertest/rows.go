package providertest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Sample returns an answer from the folder testdata of the package under test.
func Sample(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// Samples returns all JSON answers in that folder, as seeds for fuzzing.
func Samples(f *testing.F) (bodies []string) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil || len(files) == 0 {
		f.Fatal("no samples", err)
	}
	for _, file := range files {
		bodies = append(bodies, string(Sample(f, filepath.Base(file))))
	}
	return bodies
}

// Golden compares rows with testdata/golden/<name>.json, or writes that file.
func Golden(t *testing.T, name string, rows any, write bool) {
	t.Helper()
	got, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	file := filepath.Join("testdata", "golden", name+".json")
	if write {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("rows differ from %s (-want +got):\n%s", file, diff)
	}
}

// Rows compares rows without the times at which they were observed.
var Rows = cmp.Options{
	cmpopts.EquateEmpty(),
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".ObservedAt" }, cmp.Ignore()),
}

// SameThread maps the documents of a conversation and compares the rows with those that the fake knows to be true.
func SameThread(t testing.TB, mapper providers.Mapper, docs []schemas.Document, want schemas.Thread, known bool) {
	t.Helper()
	got, err := mapper.Thread(docs)
	if err != nil {
		t.Fatal(err)
	}
	if !known {
		t.Fatalf("the fake does not have conversation %s", docs[0].ConversationID)
	}
	if diff := cmp.Diff(want, got, Rows); diff != "" {
		t.Fatalf("conversation %s (-want +got):\n%s", docs[0].ConversationID, diff)
	}
}

// Collect lists windows and fetches all conversations in them. Pages are in the order of the list.
func Collect(t testing.TB, r providers.Reader, windows ...schemas.Window) ([]providers.Page, map[string][]schemas.Document) {
	t.Helper()
	var pages []providers.Page
	var refs []providers.Ref
	docs := map[string][]schemas.Document{}
	keep := func(doc schemas.Document, err error) {
		if err != nil {
			t.Fatal(err)
		}
		docs[doc.ConversationID] = append(docs[doc.ConversationID], doc)
	}
	for _, w := range windows {
		for page, err := range r.Conversations(t.Context(), w, "") {
			if err != nil {
				t.Fatal(err)
			}
			pages, refs = append(pages, page), append(refs, page.Refs...)
			for _, doc := range page.Documents {
				keep(doc, nil)
			}
		}
	}
	for doc, err := range r.Messages(t.Context(), refs) {
		keep(doc, err)
	}
	for doc, err := range r.Metadata(t.Context(), refs) {
		keep(doc, err)
	}
	return pages, docs
}

// Snapshot reads and maps a whole directory.
func Snapshot(t testing.TB, directory providers.Directory, mapper providers.SnapshotMapper) (all schemas.Snapshot) {
	t.Helper()
	sum := reflect.ValueOf(&all).Elem()
	for page, err := range directory.Directory(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range page.Documents {
			rows, err := mapper.Snapshot(doc)
			if err != nil {
				t.Fatal(err)
			}
			for i := range sum.NumField() {
				sum.Field(i).Set(reflect.AppendSlice(sum.Field(i), reflect.ValueOf(rows).Field(i)))
			}
		}
	}
	return all
}

// AnyThread maps documents of any content twice. It checks that the results are the same, that messages are in sequence and have an
// id and a kind, that times are from 1970 to 9999, that texts are UTF-8, and that there is a digest. It returns false if the documents
// cannot be mapped.
func AnyThread(t *testing.T, mapper providers.Mapper, docs []schemas.Document) (schemas.Thread, bool) {
	t.Helper()
	thread, err := mapper.Thread(docs)
	again, _ := mapper.Thread(docs)
	if !reflect.DeepEqual(thread, again) {
		t.Error("the same documents give different rows")
	}
	if err != nil {
		return thread, false
	}
	for i, m := range thread.Messages {
		if m.Sequence != int64(i) || m.MessageID == "" || m.Kind == "" {
			t.Errorf("message %d: sequence %d, id %q, kind %q", i, m.Sequence, m.MessageID, m.Kind)
		}
		if m.CreatedAt != nil && (m.CreatedAt.Year() < 1970 || m.CreatedAt.Year() > 9999) {
			t.Errorf("message %d was created at %s", i, m.CreatedAt)
		}
		if m.Text != nil && !utf8.ValidString(*m.Text) {
			t.Errorf("message %d is not UTF-8", i)
		}
	}
	if _, err := thread.Digest(); err != nil {
		t.Errorf("no digest: %v", err)
	}
	return thread, true
}

// AnySnapshot maps a document of any content twice, and returns the rows and the error of the first time.
func AnySnapshot(t *testing.T, mapper providers.SnapshotMapper, doc schemas.Document) (schemas.Snapshot, error) {
	t.Helper()
	rows, err := mapper.Snapshot(doc)
	again, _ := mapper.Snapshot(doc)
	if !reflect.DeepEqual(rows, again) {
		t.Error("the same document gave other rows")
	}
	return rows, err
}
