package lake

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

var stagedDocuments = []schemas.Document{
	{Kind: "conversation", ConversationID: "1", Status: 200, ObservedAt: time.Date(2026, 5, 1, 2, 3, 4, 5000, time.UTC), Body: []byte(`{"a": "ü"}`)},
	{Kind: "messages", ConversationID: "1", Sequence: 7, Status: 404, Body: []byte{0xff, 0, 0xfe}},
	{Kind: "agents", Status: 200, Body: bytes.Repeat([]byte("long "), 600_000)},
	{Kind: "empty", Body: []byte{}},
}

func stageAll(t *testing.T, l *Lake, header any) ledger.Staged {
	t.Helper()
	stage, err := l.Stage(may("acme"), 1, header)
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Discard()
	for _, doc := range stagedDocuments {
		if err := stage.Add(doc); err != nil {
			t.Fatal(err)
		}
	}
	staged, err := stage.Commit(t.Context(), "page")
	if err != nil {
		t.Fatal(err)
	}
	return staged
}

func TestStagedDocumentsComeBackByteForByte(t *testing.T) {
	l := openFolder(t)
	st := stageAll(t, l, []string{"x"})
	if !strings.HasPrefix(st.Key, "_staging/acme/created/20260501T000000Z~20260601T000000Z/g0001/page-") || strings.Contains(st.Key, ".parquet") {
		t.Errorf("staged as %s", st.Key)
	}
	var header []string
	var got []schemas.Document
	for doc, err := range l.ReadStaged(t.Context(), st, &header) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, doc)
	}
	if diff := cmp.Diff(stagedDocuments, got); diff != "" || len(header) != 1 {
		t.Errorf("header %v, documents (-want +got):\n%s", header, diff)
	}
	if again := stageAll(t, l, nil); again.Key == st.Key {
		t.Error("two attempts wrote under one key")
	}
	if removed, err := l.ClearStaging(t.Context(), may("acme"), 1); err != nil || removed != 2 {
		t.Errorf("cleared %d objects, error %v; want 2", removed, err)
	}
	entries, err := os.ReadDir(l.scratch)
	if err != nil || len(entries) > 0 {
		t.Errorf("scratch holds %v, error %v; want nothing", entries, err)
	}
}

func TestStagedObjectsThatAreNotWhatWasWritten(t *testing.T) {
	l := openFolder(t)
	st := stageAll(t, l, nil)
	name := l.Location(st.Key)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(whole)
	changed[len(changed)/2] ^= 1
	for what, content := range map[string][]byte{"changed": changed, "truncated": whole[:len(whole)/2], "empty": {}, "gone": nil} {
		t.Run(what, func(t *testing.T) {
			_ = os.Remove(name)
			if content != nil {
				if err := os.WriteFile(name, content, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for doc, err := range l.ReadStaged(t.Context(), st, nil) {
				if !errors.Is(err, ErrStagingLost) {
					t.Errorf("yielded %v with error %v, want ErrStagingLost before anything", doc.Kind, err)
				}
			}
			if err := l.ReadHeader(t.Context(), st, nil); !errors.Is(err, ErrStagingLost) {
				t.Errorf("error %v, want ErrStagingLost", err)
			}
		})
	}
}

func TestWhatCouldNotBeReadIsNotStaged(t *testing.T) {
	l := openFolder(t)
	stage, err := l.Stage(may("acme"), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Discard()
	if err := stage.frame([]byte("12345"), 5); err != nil {
		t.Error(err)
	}
	if err := stage.frame([]byte("123456"), 5); err == nil {
		t.Error("a frame above the limit was taken")
	}
	if _, err := l.Stage(may("acme"), 1, func() {}); err == nil {
		t.Error("a header that is no JSON was taken")
	}
}

func TestHeaderIsThereWithoutDocuments(t *testing.T) {
	l := openFolder(t)
	stage, err := l.Stage(may("acme"), 1, map[string]int{"n": 7})
	if err != nil {
		t.Fatal(err)
	}
	st, err := stage.Commit(t.Context(), "page")
	stage.Discard() // does nothing
	if err != nil {
		t.Fatal(err)
	}
	var read, ranged map[string]int
	if err := l.ReadHeader(t.Context(), st, &read); err != nil {
		t.Fatal(err)
	}
	for doc, err := range l.ReadStaged(t.Context(), st, &ranged) {
		t.Errorf("yielded %v, error %v", doc, err)
	}
	if read["n"] != 7 || ranged["n"] != 7 {
		t.Errorf("headers %v and %v, want n = 7", read, ranged)
	}
}

func TestDiscardedStageLeavesNothing(t *testing.T) {
	l := openFolder(t)
	stage, err := l.Stage(may("acme"), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	stage.Discard()
	stage.Discard()
	for object := range l.Store().List(t.Context(), "") {
		t.Errorf("the lake holds %s", object.Key)
	}
	if entries, _ := os.ReadDir(l.scratch); len(entries) > 0 {
		t.Errorf("scratch holds %v", entries)
	}
}

// FuzzStagedDecode feeds arbitrary frames to the decoder: it must return errors and use little memory.
func FuzzStagedDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x04null\x02{}\x03abc"))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, frames []byte) {
		r := &stagedReader{key: "k", in: bufio.NewReader(bytes.NewReader(frames))}
		if r.header(nil) != nil {
			return
		}
		for range 10 {
			if _, err := r.document(); err != nil {
				return
			}
		}
	})
}

func TestStagedObjectIsZstd(t *testing.T) {
	l := openFolder(t)
	st := stageAll(t, l, nil)
	body, err := l.Store().Get(t.Context(), st.Key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	decoder, err := zstd.NewReader(body)
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	n, err := io.Copy(io.Discard, decoder)
	if err != nil || n < 3_000_000 || st.Bytes > n/10 {
		t.Errorf("%d bytes unpack to %d, error %v; want a tenth at most", st.Bytes, n, err)
	}
}

// short truncates the first responses silently.
type short struct {
	ledger.Store
	answers int
}

func (s *short) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	body, err := s.Store.Get(ctx, key, offset, length)
	if s.answers--; s.answers >= 0 && err == nil {
		return struct {
			io.Reader
			io.Closer
		}{io.LimitReader(body, 10), body}, nil
	}
	return body, err
}

func TestStagedObjectIsReadAgainBeforeItIsLost(t *testing.T) {
	l := openFolder(t)
	st := stageAll(t, l, "header")
	for answers, lost := range map[int]bool{1: false, 2: false, 3: true} {
		cut := l.over(&short{l.Store(), answers})
		if err := cut.ReadHeader(t.Context(), st, nil); errors.Is(err, ErrStagingLost) != lost {
			t.Errorf("%d answers cut short: error %v, lost should be %t", answers, err, lost)
		}
	}
}

// counted counts reads.
type counted struct {
	ledger.Store
	gets int
}

func (c *counted) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	c.gets++
	return c.Store.Get(ctx, key, offset, length)
}

func TestHeadersAreRemembered(t *testing.T) {
	l := openFolder(t)
	store := &counted{Store: l.Store()}
	l = l.over(store)
	var pages []ledger.Staged
	for n := range rememberedHeaders + 1 {
		stage, err := l.Stage(may("acme"), 1, n)
		if err != nil {
			t.Fatal(err)
		}
		st, err := stage.Commit(t.Context(), "page")
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, st)
	}
	read := func(n, want int) {
		t.Helper()
		var header int
		before := store.gets
		if err := l.ReadHeader(t.Context(), pages[n], &header); err != nil || header != n {
			t.Errorf("header of page %d is %d, error %v", n, header, err)
		}
		if got := store.gets - before; got != want {
			t.Errorf("page %d was read %d times, want %d", n, got, want)
		}
	}
	read(0, 1)
	read(0, 0)
	for n := range pages[1:] {
		read(n+1, 1)
	}
	read(0, 1) // the others have taken its place
	var wrong []string
	if err := l.ReadHeader(t.Context(), pages[0], &wrong); err == nil {
		t.Error("a number was taken for a list")
	}
}

func TestStagedObjectsAreFoundByName(t *testing.T) {
	l := openFolder(t)
	want := map[string]ledger.Staged{}
	for _, name := range []string{"messages-a-0000-0010", "messages-a-0010-0020", "messages-b-0000-0010", "metadata-a-0000-0010"} {
		stage, err := l.Stage(may("acme"), 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range stagedDocuments[:2] {
			if err := stage.Add(doc); err != nil {
				t.Fatal(err)
			}
		}
		if want[name], err = stage.Commit(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	folder := ledger.StagingFolder(may("acme"), 1)
	for _, odd := range []string{"messages-a-", "messages-a-0000-0010", "messages-a-1-xyz", "messages-a-x-" + strings.Repeat("0", 64)} {
		mustPut(t, l.Store(), folder+odd, "x")
	}
	for prefix, names := range map[string][]string{
		"messages-a-": {"messages-a-0000-0010", "messages-a-0010-0020"}, "messages-": {"messages-a-0000-0010", "messages-a-0010-0020", "messages-b-0000-0010"}, "page-": nil,
	} {
		found, err := l.FindStaged(t.Context(), may("acme"), 1, prefix)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range found {
			if got = append(got, f.Name); f.Staged != want[f.Name] {
				t.Errorf("found %+v, want %+v", f.Staged, want[f.Name])
			}
		}
		if diff := cmp.Diff(names, got); diff != "" {
			t.Errorf("found of %s (-want +got):\n%s", prefix, diff)
		}
	}
	if found, err := l.FindStaged(t.Context(), may("acme"), 2, ""); err != nil || len(found) > 0 {
		t.Errorf("found %v of another generation, error %v", found, err)
	}
}
