package operate

import (
	"time"

	"github.com/chatlake/chatlake/workflows"
)

// paceSpan is how far back rates look.
const paceSpan = 10 * time.Second

// Pace turns the snapshots of an export that is watched into rates. The zero value is ready.
type Pace struct {
	samples []Snapshot // of the last paceSpan, the first a little older
}

// Add takes the next snapshot.
func (p *Pace) Add(s Snapshot) {
	p.samples = append(p.samples, s)
	for len(p.samples) > 2 && s.At.Sub(p.samples[1].At) >= paceSpan {
		p.samples = p.samples[1:]
	}
}

// rate is how fast something grows per second, 0 when that is not known yet.
func (p *Pace) rate(of func(Snapshot) int64) float64 {
	if len(p.samples) < 2 {
		return 0
	}
	first, last := p.samples[0], p.samples[len(p.samples)-1]
	seconds := last.At.Sub(first.At).Seconds()
	if seconds <= 0 {
		return 0
	}
	return max(0, float64(of(last)-of(first))/seconds)
}

// Conversations is how many conversations a second are fetched, 0 when that is not known yet.
func (p *Pace) Conversations() float64 {
	return p.rate(func(s Snapshot) int64 { return s.Conversations })
}

// Messages is the same of messages.
func (p *Pace) Messages() float64 { return p.rate(func(s Snapshot) int64 { return s.Messages }) }

// Requests is the same of requests to the platform.
func (p *Pace) Requests() float64 { return p.rate(func(s Snapshot) int64 { return s.Requests }) }

// Left is how long the rest will take at the present rate; false when nothing can be said.
func (p *Pace) Left() (time.Duration, bool) {
	rate := p.Conversations()
	if rate <= 0 {
		return 0, false
	}
	last := p.samples[len(p.samples)-1]
	if last.State != workflows.StateRunning || last.Expected == 0 {
		return 0, false
	}
	seconds := float64(last.Expected-last.Conversations) / rate
	if seconds > (100 * 24 * time.Hour).Seconds() {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}
