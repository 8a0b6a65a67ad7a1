package page

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/worker"
)

const (
	// sampleEvery is the time between two samples, and samplesKept how long they are kept.
	sampleEvery = 10 * time.Second
	samplesKept = 3 * time.Hour
)

// meter keeps what has happened since the page started: how many requests were sent, and how far exports were. The zero value is ready.
type meter struct {
	mu      sync.Mutex
	since   time.Time
	spent   map[string]worker.Spent // at the last sample
	last    time.Time
	budgets map[string][]sample
	exports map[string][]operate.Snapshot // by workflow id
}

// sample is what an account has used in a period that ends at At.
type sample struct {
	At     time.Time
	Rate   float64 // requests a second
	Limit  float64 // what was allowed then; 0 is no limit
	Counts int64   // 429
}

// Watch takes samples until ctx ends. Without it, the page shows no rates.
func (p *Page) Watch(ctx context.Context) {
	p.meter.begin(p.now())
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		p.takeSample(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// takeSample adds what is known now.
func (p *Page) takeSample(ctx context.Context) {
	s := p.readState(ctx)
	for _, e := range s.Exports {
		if e.Progress != nil {
			p.meter.follow(e.ID(), *e.Progress)
		}
	}
	for _, u := range s.Schedules {
		if u.Progress != nil && len(u.Running) > 0 {
			p.meter.follow(u.Running[len(u.Running)-1], *u.Progress)
		}
	}
	if p.o.Session == nil {
		return // whoever only visits does not know what others send
	}
	spent, _ := p.o.Session.Spent()
	p.meter.add(p.now(), spent, func(account string) float64 { return p.budgetOf(s, account).Now })
}

func (m *meter) begin(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.since.IsZero() {
		m.since = now
	}
}

// add turns counts into the rate since the last sample.
func (m *meter) add(now time.Time, spent map[string]worker.Spent, limit func(account string) float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seconds := now.Sub(m.last).Seconds()
	if first := m.last.IsZero(); !first && seconds > 0 {
		if m.budgets == nil {
			m.budgets = map[string][]sample{}
		}
		for account, s := range spent {
			before := m.spent[account]
			all := append(m.budgets[account], sample{now, float64(s.Sent-before.Sent) / seconds, limit(account), s.Throttled - before.Throttled})
			for len(all) > int(samplesKept/sampleEvery) {
				all = all[1:]
			}
			m.budgets[account] = all
		}
	}
	m.spent, m.last = spent, now
}

// mostFollowed is how many runs are followed at a time, and followedFor how long back.
const (
	mostFollowed = 100
	followedFor  = 15 * time.Minute
)

// follow adds a look at a run.
func (m *meter) follow(id string, s operate.Snapshot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.exports == nil {
		m.exports = map[string][]operate.Snapshot{}
	}
	all := m.exports[id]
	if n := len(all); n > 0 && !s.At.After(all[n-1].At) {
		return
	}
	all = append(all, s)
	for len(all) > 2 && s.At.Sub(all[1].At) > followedFor {
		all = all[1:]
	}
	m.exports[id] = all
	for other, looks := range m.exports {
		if len(m.exports) > mostFollowed || s.At.Sub(looks[len(looks)-1].At) > followedFor {
			if other != id {
				delete(m.exports, other)
			}
		}
	}
}

// used returns the samples of an account, the oldest first, and since when there are any.
func (m *meter) used(account string) (all []sample, since time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.budgets[account]), m.since
}

// counts are the last counts of an account.
func (m *meter) counts(account string) (s worker.Spent, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok = m.spent[account]
	return s, ok
}

// A forecast is how fast an export is, and when it ends at that.
type forecast struct {
	Rate          float64 // conversations a second, over the last minutes
	Known         bool    // Earliest and Latest are
	Earliest      time.Time
	Latest        time.Time
	Requests      float64 // a second
	measuredSince time.Time
}

// forecast is by the rates of the last minutes, of the time since the page looks, and since the export began.
func (m *meter) forecast(id string, now operate.Snapshot, began time.Time) (f forecast) {
	m.mu.Lock()
	looks := slices.Clone(m.exports[id])
	m.mu.Unlock()
	var rates []float64
	add := func(from operate.Snapshot) (perSecond, requests float64) {
		seconds := now.At.Sub(from.At).Seconds()
		if seconds < 5 {
			return 0, 0
		}
		perSecond = max(0, float64(now.Conversations-from.Conversations)/seconds)
		rates = append(rates, perSecond)
		return perSecond, max(0, float64(now.Requests-from.Requests)/seconds)
	}
	add(operate.Snapshot{At: began})
	if len(looks) > 0 {
		add(looks[0])
		f.measuredSince = looks[0].At
		recent := looks[0]
		for _, l := range looks {
			if now.At.Sub(l.At) >= 2*time.Minute {
				recent = l
			}
		}
		f.Rate, f.Requests = add(recent)
	}
	left := float64(now.Expected - now.Conversations)
	if now.Expected == 0 || left <= 0 {
		return f
	}
	for _, rate := range rates {
		const longest = 400 * 24 * time.Hour
		if rate <= 0 || left/rate > longest.Seconds() {
			continue
		}
		at := now.At.Add(time.Duration(left / rate * float64(time.Second)))
		if !f.Known || at.Before(f.Earliest) {
			f.Earliest = at
		}
		if !f.Known || at.After(f.Latest) {
			f.Latest = at
		}
		f.Known = true
	}
	return f
}
