package lake

import (
	"sync"

	"github.com/chatlake/chatlake/internal/ledger"
)

// A process remembers the headers of staged objects that it has read. All chunks of a page need the same header, and each would
// otherwise read the page with all its documents. Staged objects never change, so no header is ever stale.
const (
	rememberedHeaders     = 32
	rememberedHeaderBytes = 256 << 10 // larger headers are not remembered
)

// headers are the last headers read, as JSON.
type headers struct {
	mu    sync.Mutex
	known map[ledger.Staged][]byte
	order []ledger.Staged // oldest first
}

func (h *headers) of(st ledger.Staged) ([]byte, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	header, ok := h.known[st]
	return header, ok
}

func (h *headers) remember(st ledger.Staged, header []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.known[st]; ok || len(header) > rememberedHeaderBytes {
		return
	}
	if h.known == nil {
		h.known = map[ledger.Staged][]byte{}
	}
	if len(h.order) == rememberedHeaders {
		delete(h.known, h.order[0])
		h.order = h.order[1:]
	}
	h.known[st] = header
	h.order = append(h.order, st)
}
