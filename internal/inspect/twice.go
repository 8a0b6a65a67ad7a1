package inspect

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/words"
)

// sightings remember in which windows of creation conversations stand, in 16 bytes each. A conversation is created once, so it stands in
// one of them, or in several that overlap.
type sightings struct {
	seed    maphash.Seed
	records []ledger.Record
	all     []sighting
}

type sighting struct {
	hash   uint64 // of the account and the conversation
	record int32
}

func newSightings() *sightings { return &sightings{seed: maphash.MakeSeed()} }

func (s *sightings) hash(r ledger.Record, conversation string) uint64 {
	return maphash.Comparable(s.seed, [3]string{r.Shard.Provider, r.Shard.Account, conversation})
}

// add takes the conversations of a window.
func (s *sightings) add(r ledger.Record, ends map[string][]string) {
	s.records = append(s.records, r)
	for id := range ends {
		s.all = append(s.all, sighting{s.hash(r, id), int32(len(s.records) - 1)})
	}
}

// twice finds the conversations that stand in two windows that have no time in common. It reads those windows once more, because
// different conversations may have the same hash.
func (s *sightings) twice(ctx context.Context, l *lake.Lake) ([]Contradiction, error) {
	suspects := s.suspects()
	involved := map[int32]bool{}
	for _, records := range suspects {
		for _, i := range records {
			involved[i] = true
		}
	}
	type suspect struct{ provider, account, id string }
	places := map[suspect][]int32{}
	for _, i := range slices.Sorted(maps.Keys(involved)) {
		r := s.records[i]
		ends, _, problem, err := endsOf(ctx, l, r)
		if err != nil || problem != "" {
			return nil, err // the problem was found before
		}
		for id := range ends {
			if suspects[s.hash(r, id)] != nil {
				at := suspect{r.Shard.Provider, r.Shard.Account, id}
				places[at] = append(places[at], i)
			}
		}
	}
	pairs := map[[2]int32][]string{}
	for at, records := range places {
		if a, b, ok := s.apart(records); ok {
			pairs[[2]int32{a, b}] = append(pairs[[2]int32{a, b}], at.id)
		}
	}
	var found []Contradiction
	for _, pair := range slices.SortedFunc(maps.Keys(pairs), func(a, b [2]int32) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }) {
		ids := pairs[pair]
		slices.Sort(ids)
		first, second := s.records[pair[0]].Shard, s.records[pair[1]].Shard
		named := slices.Clone(ids[:min(len(ids), severalNamed)])
		if more := len(ids) - len(named); more > 0 {
			named = append(named, fmt.Sprintf("%d more", more))
		}
		found = append(found, Contradiction{
			second.String(), fmt.Sprintf("%s also in %s: %s", are(len(ids)), first, words.List(named)), againOf(s.records[pair[1]]),
		})
	}
	return found, nil
}

// suspects are the hashes that stand in two windows that have no time in common.
func (s *sightings) suspects() map[uint64][]int32 {
	slices.SortFunc(s.all, func(a, b sighting) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.record, b.record)) })
	found := map[uint64][]int32{}
	for low := 0; low < len(s.all); {
		high := low + 1
		for high < len(s.all) && s.all[high].hash == s.all[low].hash {
			high++
		}
		if high-low > 1 {
			var records []int32
			for _, at := range s.all[low:high] {
				records = append(records, at.record)
			}
			if _, _, ok := s.apart(records); ok {
				found[s.all[low].hash] = records
			}
		}
		low = high
	}
	return found
}

// apart is the first pair of windows that have no time in common.
func (s *sightings) apart(records []int32) (a, b int32, ok bool) {
	for i, a := range records {
		for _, b := range records[i+1:] {
			x, y := s.records[a].Shard.Window, s.records[b].Shard.Window
			if !x.From.Before(y.To) || !y.From.Before(x.To) {
				return a, b, true
			}
		}
	}
	return 0, 0, false
}
