package page

import (
	"crypto/rand"
	"net/url"
	"sync"
)

// notice is what came of an order, for the view that is shown next.
type notice struct {
	text   string
	failed bool
}

// Text and Failed are for the template.
func (n notice) Text() string { return n.text }

// Failed reports whether the order failed.
func (n notice) Failed() bool { return n.failed }

// mostNotices is how many notices are kept.
const mostNotices = 100

// notices keeps the last notices. An address has only the key of one, so that nobody can make the page say something by a link.
type notices struct {
	mu   sync.Mutex
	keys []string
	all  map[string]notice
}

// query adds the key of a notice to the query of a view.
func (n *notices) query(said notice, query url.Values) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all == nil {
		n.all = map[string]notice{}
	}
	key := rand.Text()
	n.all[key], n.keys = said, append(n.keys, key)
	if len(n.keys) > mostNotices {
		delete(n.all, n.keys[0])
		n.keys = n.keys[1:]
	}
	query.Set("notice", key)
	return "?" + query.Encode()
}

// of returns the notice of a key, or nil if there is none.
func (n *notices) of(key string) *notice {
	n.mu.Lock()
	defer n.mu.Unlock()
	if said, ok := n.all[key]; ok {
		return &said
	}
	return nil
}
