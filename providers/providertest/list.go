package providertest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// pages lists a window to its end.
func pages(t *testing.T, p providers.Reader, w schemas.Window, at providers.Cursor) []providers.Page {
	t.Helper()
	var all []providers.Page
	for page, err := range p.Conversations(t.Context(), w, at) {
		if err != nil {
			t.Fatalf("list %s from %q: %v", w, at, err)
		}
		all = append(all, page)
	}
	if len(all) == 0 || all[len(all)-1].Next != "" {
		t.Fatalf("list %s from %q ended after %d pages without an empty cursor", w, at, len(all))
	}
	return all
}

// Refs returns the conversations of pages, in the order of the pages.
func Refs(all []providers.Page) []providers.Ref {
	var refs []providers.Ref
	for _, page := range all {
		refs = append(refs, page.Refs...)
	}
	return refs
}

func idsOf(refs []providers.Ref) []string {
	ids := map[string]bool{}
	for _, ref := range refs {
		ids[ref.ID] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

func sorted(ids []string) []string { return slices.Sorted(slices.Values(ids)) }

func testList(t *testing.T, c Case) {
	p, _ := c.start(t)
	all := pages(t, p, c.Window, "")
	refs := Refs(all)
	if got, want := idsOf(refs), sorted(c.Conversations); !slices.Equal(got, want) {
		t.Errorf("%d conversations are listed, want %d", len(got), len(want))
	}
	if len(refs) != len(idsOf(refs)) {
		t.Errorf("%d rows for %d conversations, although nothing has changed", len(refs), len(idsOf(refs)))
	}
	for i, page := range all {
		if len(page.Next) > 2000 || strings.Contains(string(page.Next), Secret) {
			t.Errorf("page %d: the cursor has %d characters or contains the secret", i, len(page.Next))
		}
		if !slices.IsSortedFunc(page.Refs, func(a, b providers.Ref) int { return a.CreatedAt.Compare(b.CreatedAt) }) {
			t.Errorf("page %d is not ascending by time of creation", i)
		}
		ofRefs(t, page.Documents, page.Refs)
	}
	if counter, ok := p.(providers.Counter); ok {
		if n, err := counter.Count(t.Context(), c.Window); err != nil || n != int64(len(c.Conversations)) {
			t.Errorf("Count = %d, %v; want %d", n, err, len(c.Conversations))
		}
	}
	checkTotal(t, all, len(c.Conversations))
}

// checkTotal checks what the pages of a list say of the window's total.
func checkTotal(t *testing.T, all []providers.Page, want int) {
	t.Helper()
	for i, page := range all {
		if page.Total != nil && (page.Next != "" || *page.Total != int64(want)) {
			t.Errorf("page %d of %d says that the window has %d conversations, want %d on the last page or nothing", i+1, len(all), *page.Total, want)
		}
	}
}

// ofRefs checks that documents are complete and grouped by conversation in the order of refs.
func ofRefs(t *testing.T, docs []schemas.Document, refs []providers.Ref) {
	t.Helper()
	at := 0
	for _, doc := range docs {
		for at < len(refs) && refs[at].ID != doc.ConversationID {
			at++
		}
		if at == len(refs) {
			t.Fatalf("a document %s of conversation %s is out of order", doc.Kind, doc.ConversationID)
		}
		if doc.Kind == "" || doc.Status == 0 || doc.ObservedAt.IsZero() || doc.ObservedAt.Location() != time.UTC {
			t.Errorf("a document of conversation %s has kind %q, status %d, observed at %s", doc.ConversationID, doc.Kind, doc.Status, doc.ObservedAt)
		}
	}
}

func testResume(t *testing.T, c Case) {
	p, platform := c.start(t)
	all := pages(t, p, c.Window, "")
	other := c.serve(t, platform) // another process
	for i, page := range all {
		if page.Next == "" {
			continue
		}
		rest := pages(t, other, c.Window, page.Next)
		checkTotal(t, rest, len(c.Conversations))
		got, want := idsOf(Refs(rest)), idsOf(Refs(all[i+1:]))
		if !slices.Equal(got, want) {
			t.Errorf("the cursor after page %d lists %d conversations, want %d", i, len(got), len(want))
		}
	}
}

func testWindows(t *testing.T, c Case) {
	p, platform := c.start(t)
	refs := Refs(pages(t, p, c.Window, ""))
	slices.SortFunc(refs, func(a, b providers.Ref) int { return a.CreatedAt.Compare(b.CreatedAt) })
	bounds := []time.Time{c.Window.From}
	for _, part := range []int{5, 3, 2} { // exactly the time of a conversation
		bounds = append(bounds, refs[len(refs)/part].CreatedAt)
	}
	bounds = append(bounds, refs[len(refs)*2/3].CreatedAt.Add(time.Second), refs[len(refs)-1].CreatedAt, c.Window.To)
	bounds = slices.CompactFunc(bounds, time.Time.Equal)
	fresh := c.serve(t, platform)
	for i := range len(bounds) - 1 {
		w := schemas.Window{From: bounds[i], To: bounds[i+1]}
		var want []providers.Ref
		for _, ref := range refs {
			if w.Contains(ref.CreatedAt) {
				want = append(want, ref)
			}
		}
		for name, p := range map[string]providers.Reader{"used": p, "fresh": fresh} {
			listed := pages(t, p, w, "")
			checkTotal(t, listed, len(want))
			if got := Refs(listed); !slices.Equal(idsOf(got), idsOf(want)) {
				t.Errorf("the %s provider lists %d conversations in %s, want %d", name, len(got), w, len(want))
			}
			if counter, ok := p.(providers.Counter); ok {
				if n, err := counter.Count(t.Context(), w); err != nil || n != int64(len(want)) {
					t.Errorf("the %s provider counts %d in %s, %v; want %d", name, n, w, err, len(want))
				}
			}
		}
	}
	for _, w := range []schemas.Window{
		{From: c.Window.From.AddDate(-2, 0, 0), To: c.Window.From.AddDate(-1, 0, 0)},
		{From: c.Window.To.AddDate(1, 0, 0), To: c.Window.To.AddDate(2, 0, 0)},
		{From: refs[0].CreatedAt, To: refs[0].CreatedAt},
	} {
		if got := Refs(pages(t, p, w, "")); len(got) != 0 {
			t.Errorf("%d conversations in the empty window %s", len(got), w)
		}
	}
}

// testDeletion deletes conversations after each page, listed ones and others. No other conversation may be missed.
func testDeletion(t *testing.T, c Case) {
	if c.Platform(t).Delete == nil {
		t.Fatal("the fake has no Delete")
	}
	p, _ := c.start(t)
	oldest := Refs(pages(t, p, c.Window, ""))
	slices.SortFunc(oldest, func(a, b providers.Ref) int { return a.CreatedAt.Compare(b.CreatedAt) })
	n := len(pages(t, p, c.Window, ""))
	for at := range n - 1 {
		p, platform := c.start(t)
		deleted := map[string]bool{}
		var seen []providers.Ref
		i := 0
		for page, err := range p.Conversations(t.Context(), c.Window, "") {
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, page.Refs...)
			if i == at {
				for _, k := range []int{0, 1, len(oldest) / 2, len(oldest) - 1} {
					deleted[oldest[k].ID] = true
					platform.Delete(oldest[k].ID)
				}
			}
			i++
		}
		listed := idsOf(seen)
		for _, id := range c.Conversations {
			if _, found := slices.BinarySearch(listed, id); !found && !deleted[id] {
				t.Errorf("conversation %s is missed after others were deleted after page %d", id, at)
			}
		}
	}
}

// testLeave stops every walk after its first step, as an export does.
func testLeave(t *testing.T, c Case) {
	p, _ := c.start(t)
	var refs []providers.Ref
	for page, err := range p.Conversations(t.Context(), c.Window, "") {
		if err != nil {
			t.Fatal(err)
		}
		refs = page.Refs
		break
	}
	for range p.Messages(t.Context(), refs) {
		break
	}
	for range p.Metadata(t.Context(), refs) {
		break
	}
}

func testCancel(t *testing.T, c Case) {
	p, _ := c.start(t)
	refs := Refs(pages(t, p, c.Window, ""))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range walks(ctx, p, c.Window, refs, true) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s in a cancelled context ended with %v", name, err)
		}
	}
}

// testCursors lists from cursors that the provider has not made.
func testCursors(t *testing.T, c Case) {
	p, _ := c.start(t)
	for _, at := range []providers.Cursor{"?", "-1", "p", "\x00", "p99999999999999999999", providers.Cursor(strings.Repeat("x", 1000))} {
		var last error
		for _, err := range p.Conversations(t.Context(), c.Window, at) {
			last = err
		}
		if last == nil {
			t.Errorf("the cursor %.10q is accepted", at)
		} else {
			problem(t, last)
		}
	}
}
