package activities

import (
	"encoding/binary"
	"slices"

	"github.com/chatlake/chatlake/internal/lake"
)

// hashes are the hashes of ids, in the order of a list. They are on disk if there are many, so that they take no memory for each
// conversation.
type hashes struct {
	data  *lake.Spill
	count int
}

const hashBytes = 8

// hashesAtOnce is about how many hashes are compared in memory at a time. Each time, all are read.
const hashesAtOnce = 128 << 10

func (h *hashes) add(hash uint64) error {
	h.count++
	_, err := h.data.Write(binary.LittleEndian.AppendUint64(make([]byte, 0, hashBytes), hash))
	return err
}

// between returns the hashes [low, high).
func (h *hashes) between(low, high int) ([]uint64, error) {
	b := make([]byte, (high-low)*hashBytes)
	if _, err := h.data.ReadAt(b, int64(low)*hashBytes); err != nil {
		return nil, err
	}
	all := make([]uint64, 0, high-low)
	for ; len(b) > 0; b = b[hashBytes:] {
		all = append(all, binary.LittleEndian.Uint64(b))
	}
	return all, nil
}

// share returns those hashes whose remainder is part, sorted. The parts of a number of parts have each hash once.
func (h *hashes) share(part, parts int) ([]uint64, error) {
	const read = 4 << 10
	var of []uint64
	for low := 0; low < h.count; low += read {
		some, err := h.between(low, min(low+read, h.count))
		if err != nil {
			return nil, err
		}
		for _, hash := range some {
			if hash%uint64(parts) == uint64(part) {
				of = append(of, hash)
			}
		}
	}
	slices.Sort(of)
	return of, nil
}

// repeated returns the hashes that occur more than once.
func (h *hashes) repeated() (map[uint64]bool, error) {
	again := map[uint64]bool{}
	parts := 1 + h.count/hashesAtOnce
	for part := range parts {
		sorted, err := h.share(part, parts)
		if err != nil {
			return nil, err
		}
		for i := 1; i < len(sorted); i++ {
			if sorted[i] == sorted[i-1] {
				again[sorted[i]] = true
			}
		}
	}
	return again, nil
}

// distinctFrom returns the number of distinct hashes that are not among others.
func (h *hashes) distinctFrom(others *hashes) (n int64, err error) {
	if h.count == 0 {
		return 0, nil
	}
	parts := 1 + (h.count+others.count)/hashesAtOnce
	for part := range parts {
		own, err := h.share(part, parts)
		if err != nil {
			return 0, err
		}
		theirs, err := others.share(part, parts)
		if err != nil {
			return 0, err
		}
		for _, hash := range slices.Compact(own) {
			if _, found := slices.BinarySearch(theirs, hash); !found {
				n++
			}
		}
	}
	return n, nil
}
