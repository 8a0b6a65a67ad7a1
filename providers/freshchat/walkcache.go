package freshchat

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// walkCache contains the results of this process's walks.
type walkCache struct {
	mu       sync.Mutex
	complete int64 // when the walk that found known began
	known    []walkEntry
	running  map[int64]*progress
	turn     *semaphore.Weighted  // held for a step of a walk
	dated    map[string]time.Time // when conversations were created
	lists    map[string]userList
}

// userList are the conversations of a user.
type userList struct {
	asked time.Time
	ids   []string
}

const (
	// mostRemembered is how many users and conversations are remembered for other walks. Without them, a walk asks again.
	mostRemembered = 50_000
	// mostRunning is how many walks are kept at a time in the hope that they become complete, and longWalk is after which time one may have
	// been given up.
	mostRunning = 4
	longWalk    = time.Hour
)

// created returns when a conversation was created, or nil if no walk has found out.
func (c *walkCache) created(id string) *time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.dated[id]; ok {
		return &at
	}
	return nil
}

// ofUser returns the conversations of a user, if they were requested at a time or later.
func (c *walkCache) ofUser(id string, since time.Time) ([]string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.lists[id]
	return l.ids, ok && !l.asked.Before(since)
}

// learn remembers the conversations of a user.
func (c *walkCache) learn(id string, asked time.Time, all []userConversation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lists == nil {
		c.lists = map[string]userList{}
	}
	if len(c.lists) >= mostRemembered {
		return
	}
	l := userList{asked: asked}
	for _, one := range all {
		l.ids = append(l.ids, one.id)
	}
	c.lists[id] = l
}

// walkEntry is a conversation that a walk found.
type walkEntry struct {
	at       time.Time
	id, user string
}

// progress is a running walk of which this process has made all steps.
type progress struct {
	next  providers.Cursor
	found map[string]walkEntry
}

// completeAfter returns when the complete walk began, or 0 if there is none that began at t or later.
func (c *walkCache) completeAfter(t time.Time) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.Unix() > c.complete {
		return 0
	}
	return c.complete
}

func (c *walkCache) start(s userWalk) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil {
		c.running = map[int64]*progress{}
	}
	if len(c.running) >= mostRunning {
		oldest := slices.Min(slices.Collect(maps.Keys(c.running)))
		if time.Since(time.Unix(oldest, 0)) < longWalk {
			return // one of the others is complete first
		}
		delete(c.running, oldest) // it was given up
	}
	c.running[s.at] = &progress{next: s.text(), found: map[string]walkEntry{}}
}

// record adds the result of a step. If another process has made a step of the walk, the walk is not cached.
func (c *walkCache) record(s userWalk, next providers.Cursor, all []candidate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dated == nil {
		c.dated = map[string]time.Time{}
	}
	for _, one := range all {
		if one.at != nil && len(c.dated) < mostRemembered {
			c.dated[one.id] = *one.at
		}
	}
	p := c.running[s.at]
	if p == nil || p.next != s.text() {
		return
	}
	for _, one := range all {
		if one.at != nil {
			p.found[one.id] = walkEntry{*one.at, one.id, one.user}
		}
	}
	if p.next = next; next != "" {
		return
	}
	delete(c.running, s.at)
	c.known, c.complete = nil, s.at
	for _, one := range p.found {
		c.known = append(c.known, one)
	}
	slices.SortFunc(c.known, func(a, b walkEntry) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
}

// between returns the conversations of a window. It returns false if the cached walk is not the one that began at the given time.
func (c *walkCache) between(at int64, w schemas.Window) ([]walkEntry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at != c.complete {
		return nil, false
	}
	index := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(c.known, t, func(s walkEntry, t time.Time) int { return s.at.Compare(t) })
		return i
	}
	return c.known[index(w.From):max(index(w.From), index(w.To))], true
}
