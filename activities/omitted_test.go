package activities_test

import (
	"slices"
	"testing"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
)

// TestOmittedDocumentsAreRecorded: the record says what lists left out. A list that is read again and knows better fetches conversations that
// the lake has in the same version.
func TestOmittedDocumentsAreRecorded(t *testing.T) {
	s := newSettling(t, newChats(12)) // three pages
	s.p.omitted = []providers.Omission{{Document: "page", Asked: 2, Omitted: 5}, {Document: "page", Omitted: 5}, {Document: "page", Asked: 1, Omitted: 2}}
	first := s.settle(activities.DepthWhole, "")
	if want := []ledger.Omission{{Document: "page", Asked: 3, Omitted: 12}}; !slices.Equal(first.Omitted, want) {
		t.Errorf("the record says %v, want %v", first.Omitted, want)
	}
	s.p.anew, s.p.omitted = true, []providers.Omission{{Document: "page", Asked: 1, More: true}, {Document: "page", More: true}, {Document: "page", More: true}}
	second := s.settle(activities.DepthList, "settle/1d")
	if want := []ledger.Omission{{Document: "page", Asked: 1, More: true}}; !slices.Equal(second.Omitted, want) || len(s.p.asked) != 24 || second.Counts.Reused > 0 {
		t.Errorf("the record says %v after %d requests, with %d reused; want %v after 24", second.Omitted, len(s.p.asked), second.Counts.Reused, want)
	}
}

// TestOmittedTooEarly: a window of which one page left out what another one shows to be needed is fetched again.
func TestOmittedTooEarly(t *testing.T) {
	s := newSettling(t, newChats(12))
	s.p.omitted = []providers.Omission{{Document: "page", Asked: 2, Omitted: 5}, {Document: "page", Asked: 1, More: true}}
	a := s.begin(s.Shard, "").collect(activities.DepthWhole)
	_, err := try(a.bench, a.do.SealShard, activities.SealShardInput{Target: a.Target, Receipts: a.receipts})
	if kindOf(err) != activities.StagingLost {
		t.Errorf("sealed with %v, want an error of type StagingLost, after which the shard starts over", err)
	}
}
