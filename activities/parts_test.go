package activities_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
)

// spans returns the parts as [low, high).
func spans(parts []activities.ChunkReceipt) (all []string) {
	for _, p := range parts {
		all = append(all, fmt.Sprintf("%d-%d", p.Low, p.High))
	}
	return all
}

// contents returns the conversations whose documents are in the parts, in order.
func (b *bench) contents(parts []activities.ChunkReceipt) (ids []string) {
	b.t.Helper()
	for _, p := range parts {
		for doc, err := range b.do.Lake.ReadStaged(b.t.Context(), p.Staged, nil) {
			if err != nil {
				b.t.Fatal(err)
			}
			ids = append(ids, doc.ConversationID)
		}
	}
	return ids
}

// numbers returns the ids of conversations [low, high).
func numbers(low, high int) (ids []string) {
	for i := low; i < high; i++ {
		ids = append(ids, fmt.Sprint(i))
	}
	return ids
}

// list lists all conversations as one page.
func (b *bench) list() activities.PageReceipt {
	b.t.Helper()
	return must(b, b.do.ListPage, activities.ListPageInput{Target: b.Target, Limit: 1000}).Page
}

func TestChunkIsStagedInParts(t *testing.T) {
	for name, tt := range map[string]struct {
		part   int
		silent map[string]bool
		want   []string
	}{
		"one":           {0, nil, []string{"1-11"}},
		"several":       {4, nil, []string{"1-5", "5-9", "9-11"}},
		"one each":      {1, nil, []string{"1-2", "2-3", "3-4", "4-5", "5-6", "6-7", "7-8", "8-9", "9-10", "10-11"}},
		"silence first": {4, map[string]bool{"1": true, "2": true}, []string{"1-5", "5-9", "9-11"}},
		"silence at the seam": {
			// The next part starts with the next conversation that has a document.
			4, map[string]bool{"5": true}, []string{"1-6", "6-10", "10-11"},
		},
		"silence last": {4, map[string]bool{"9": true, "10": true}, []string{"1-5", "5-11"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, &platform{n: 12, silent: tt.silent})
			in := activities.FetchInput{Target: b.Target, Page: b.list(), Low: 1, High: 11, Part: tt.part}
			parts := must(b, b.do.FetchMetadata, in).Parts
			if diff := cmp.Diff(tt.want, spans(parts)); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
			want := slices.DeleteFunc(numbers(1, 11), func(id string) bool { return tt.silent[id] })
			if diff := cmp.Diff(want, b.contents(parts)); diff != "" {
				t.Errorf("conversations (-want +got):\n%s", diff)
			}
		})
	}
}

// TestChunkGoesOnBehindItsWholeParts has a fetch fail and checks what the next attempts request.
func TestChunkGoesOnBehindItsWholeParts(t *testing.T) {
	p := &platform{n: 12, failing: map[string]bool{"7": true}}
	b := newBench(t, p)
	in := activities.FetchInput{Target: b.Target, Page: b.list(), High: 12, Part: 3}
	if _, err := try(b, b.do.FetchMessages, in); err == nil {
		t.Fatal("a conversation that cannot be had was fetched")
	}
	in.Again = true

	half := in
	half.Low, half.High = 2, 7 // starts within one part and ends within another
	p.asked = nil
	parts := must(b, b.do.FetchMessages, half).Parts
	if diff := cmp.Diff([]string{"2-3", "3-6", "6-7"}, spans(parts)); diff != "" {
		t.Errorf("parts of a half (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"2", "6"}, p.asked); diff != "" {
		t.Errorf("asked for a half (-want +got):\n%s", diff)
	}

	p.asked, p.failing = nil, nil
	parts = must(b, b.do.FetchMessages, in).Parts
	if diff := cmp.Diff(numbers(7, 12), p.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(numbers(0, 12), b.contents(parts)); diff != "" {
		t.Errorf("conversations (-want +got):\n%s", diff)
	}

	p.asked = nil
	must(b, b.do.FetchMetadata, in)
	if len(p.asked) != 12 {
		t.Errorf("%d conversations were asked for their metadata: messages are something else", len(p.asked))
	}
	other := in
	other.Page = must(b, b.do.ListPage, activities.ListPageInput{Target: b.Target, Limit: 1000, Number: 1}).Page
	other.Page.Staged.SHA256 = strings.Repeat("0", 64)
	if _, err := try(b, b.do.FetchMessages, other); err == nil {
		t.Error("a page that is not what was listed was fetched")
	}
}

// TestPartsThatAreLostAreFetchedAgain removes and changes parts.
func TestPartsThatAreLostAreFetchedAgain(t *testing.T) {
	p := &platform{n: 12}
	b := newBench(t, p)
	in := activities.FetchInput{Target: b.Target, Page: b.list(), High: 12, Part: 3}
	parts := must(b, b.do.FetchMessages, in).Parts
	store := b.do.Lake.Store()
	if err := store.Delete(t.Context(), parts[0].Staged.Key); err != nil {
		t.Fatal(err)
	}
	other := []byte("something else")
	if err := store.Put(t.Context(), parts[2].Staged.Key, bytes.NewReader(other), int64(len(other)), false); err != nil {
		t.Fatal(err)
	}
	p.asked, in.Again = nil, true
	again := must(b, b.do.FetchMessages, in).Parts
	if diff := cmp.Diff(append(numbers(0, 3), numbers(6, 9)...), p.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(numbers(0, 12), b.contents(again)); diff != "" {
		t.Errorf("conversations (-want +got):\n%s", diff)
	}
	other = make([]byte, parts[1].Staged.Bytes) // as long as the intact part
	if err := store.Put(t.Context(), parts[1].Staged.Key, bytes.NewReader(other), int64(len(other)), false); err != nil {
		t.Fatal(err)
	}
	p.asked = nil
	must(b, b.do.FetchMessages, in)
	if diff := cmp.Diff(numbers(3, 6), p.asked); diff != "" {
		t.Errorf("asked once more (-want +got):\n%s", diff)
	}
}
