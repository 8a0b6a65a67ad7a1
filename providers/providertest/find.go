package providertest

import (
	"slices"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// testFind looks conversations up by their ids. They must have the versions that the lists show, so that what was announced and fetched is
// not fetched again by the next sync.
func testFind(t *testing.T, c Case) {
	p, platform := c.start(t)
	listed := Refs(pages(t, p, c.Window, ""))
	platform.Delete(listed[0].ID)
	deleted, want := listed[0].ID, listed[1:]
	var ids []string
	for _, ref := range listed {
		ids = append(ids, ref.ID)
	}
	var found []providers.Page
	for page, err := range p.(providers.Finder).Find(t.Context(), ids) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, page)
	}
	by := map[string]providers.Ref{}
	for _, ref := range Refs(found) {
		if _, twice := by[ref.ID]; twice || ref.ID == deleted || !slices.Contains(ids, ref.ID) {
			t.Errorf("conversation %s is found twice, or was deleted, or nobody asked for it", ref.ID)
		}
		by[ref.ID] = ref
	}
	if c.NotFound {
		if len(by) > 0 {
			t.Errorf("%d conversations are found, although the case says that none can be", len(by))
		}
		return
	}
	versions := 0
	for _, ref := range want {
		got, ok := by[ref.ID]
		if got.Version != "" {
			versions++
		}
		if c.FoundLess != nil && (!ok || got.Version != ref.Version && c.FoundLess(got.Version, ref.Version)) {
			continue
		}
		if !ok || !got.CreatedAt.Equal(ref.CreatedAt) || got.Version != ref.Version || got.Unlisted {
			t.Errorf("conversation %s is found (%v) as created at %s in version %q, and listed as created at %s in version %q", ref.ID, ok, got.CreatedAt, got.Version, ref.CreatedAt, ref.Version)
		}
	}
	if versions == 0 {
		t.Error("no conversation has a version")
	}
	if len(by) <= len(want)/2 {
		t.Errorf("only %d of %d conversations are found", len(by), len(want))
	}
	fetchAll(t, c, p, found)
}

// canFind reports whether the provider looks conversations up by their ids.
func canFind(p providers.Reader) bool {
	_, ok := p.(providers.Finder)
	return ok
}

// PushedCase is an account in which some conversations have changed and were announced.
type PushedCase struct {
	Reader providers.Reader
	Had    *Copy          // what the lake has
	Window schemas.Window // in which everything has happened
	Named  []string       // the conversations that were announced
	Others []string       // others that have changed as well
	Later  func()         // lets time pass between the push and the sync; nil if none does
}

// Pushed fetches what was announced, as a push does, and then lists the changes of the window. It returns which of the announced
// conversations a sync would fetch again, because they are listed in another version or in none. All the others must be listed.
func Pushed(t *testing.T, c PushedCase) (again []string) {
	t.Helper()
	for page, err := range c.Reader.(providers.Finder).Find(t.Context(), c.Named) {
		if err != nil {
			t.Fatal(err)
		}
		c.Had.Update(t, c.Reader, page)
	}
	if c.Later != nil {
		c.Later()
	}
	listed := map[string]bool{}
	for page, err := range c.Reader.(providers.Changer).Changes(t.Context(), c.Window, c.Had, "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, ref := range page.Refs {
			had, _, _ := c.Had.Find(t.Context(), ref.ID)
			if ref.Version != "" && ref.Version < had.Version {
				t.Errorf("conversation %s is listed in version %q, which is older than %q, in which it was found", ref.ID, ref.Version, had.Version)
			}
			if listed[ref.ID] = true; (ref.Version == "" || ref.Version != had.Version) && slices.Contains(c.Named, ref.ID) && !slices.Contains(again, ref.ID) {
				again = append(again, ref.ID)
			}
		}
	}
	for _, id := range c.Others {
		if !listed[id] {
			t.Errorf("conversation %s has changed, was not announced, and is not listed", id)
		}
	}
	if len(c.Named) == 0 {
		t.Error("no conversation was announced")
	}
	return again
}
