package main

import (
	"math"
	"slices"
)

// The constants of internal/rest and package activities.
const (
	parallel   = 8    // concurrent requests of an activity
	lateness   = 0.1  // seconds that a delayed process may catch up on
	slowdown   = 0.7  // of the refused rate
	nearly     = 0.9  // of the refused rate comes back at quickCreep per second, the rest at slowCreep
	quickCreep = 1.05 // per second
	slowCreep  = 1.001
	heartbeat  = 20.0 // seconds after which a dead process's activities are scheduled again
	partLost   = 32   // requests that each of them repeats
)

// activity is a number of requests that one process makes.
type activity struct {
	lease, account float64 // of leases for chunks
	left, open     int     // requests to send, and in flight
	tag            float64 // the lowest tag has the next turn
	began          float64
	done           func()
}

// process is a worker with the gate of the account.
type process struct {
	w       *world
	dead    bool
	running []*activity
	account float64 // the budget that came with the newest lease
	last    float64 // when the latest request was due
	virtual float64 // the tag of the latest turn
	turn    int     // counts wake-ups: only the latest has an effect

	ceiling, refused, at, crept float64 // the rate that the platform tolerates, as in internal/rest
	paused                      float64
	row, episode                int

	lease, expires float64 // of leases for processes
	held           holding
	asking, again  bool
	timer          int
}

// rate is what leases and the platform allow.
func (p *process) rate() float64 {
	rate := p.allotted()
	if !math.IsInf(p.at, 1) {
		rate = min(rate, p.ceiling*max(1, rate/p.at))
	}
	return rate
}

func (p *process) allotted() (sum float64) {
	switch {
	case !p.w.processes():
		for _, a := range p.running {
			sum += a.lease
		}
		return min(sum, p.account)
	case p.w.now < p.expires:
		return p.lease
	}
	return 0
}

func (p *process) begin(a *activity) {
	a.began, a.tag, p.account = p.w.now, p.virtual, a.account
	p.running = append(p.running, a)
	if p.w.processes() && (p.w.onChange || p.allotted() == 0) {
		p.ask()
	}
	p.pump()
}

// pump gives due requests to the activity with the smallest tag, and so in proportion to leases.
func (p *process) pump() {
	p.turn++
	for !p.dead {
		var next *activity
		for _, a := range p.running {
			if a.left > 0 && a.open < parallel && (next == nil || a.tag < next.tag) {
				next = a
			}
		}
		rate := p.rate()
		if next == nil || rate <= 0 {
			return
		}
		due := max(p.paused, p.last+1/rate)
		if wait := due - p.w.now; wait > 1e-9 {
			turn := p.turn
			p.w.after(wait, func() {
				if turn == p.turn {
					p.pump()
				}
			})
			return
		}
		p.last, p.virtual = max(due, p.w.now-lateness), max(p.virtual, next.tag)
		p.send(next)
	}
}

func (p *process) send(a *activity) {
	a.left--
	a.open++
	if a.tag++; !p.w.processes() {
		a.tag += 1/a.lease - 1
	}
	episode, ok := p.episode, p.w.platform.ask(p.w.now)
	p.w.after(p.w.Latency*(0.5+p.w.random.Float64()), func() {
		if p.dead {
			return
		}
		if a.open--; ok {
			p.answered(episode)
		} else {
			a.left++
			p.throttled(episode)
		}
		if a.left == 0 && a.open == 0 {
			p.end(a)
		}
		p.pump()
	})
}

func (p *process) end(a *activity) {
	p.running = slices.DeleteFunc(p.running, func(other *activity) bool { return other == a })
	p.w.durations = append(p.w.durations, p.w.now-a.began)
	if p.w.processes() && (p.w.onChange || len(p.running) == 0) {
		p.ask() // returns the lease
	}
	p.w.after(hop, a.done)
}

func (p *process) answered(episode int) {
	if episode == p.episode {
		p.row = 0
	}
	if math.IsInf(p.ceiling, 1) || p.w.now-p.crept < 1 {
		return
	}
	if p.crept = p.w.now; p.ceiling < nearly*p.refused {
		p.ceiling = min(p.ceiling*quickCreep, nearly*p.refused)
	} else {
		p.ceiling *= slowCreep
	}
	if p.ceiling >= p.at {
		p.ceiling, p.at = math.Inf(1), math.Inf(1)
	}
}

func (p *process) throttled(episode int) {
	if episode != p.episode {
		return
	}
	if p.row == 0 {
		p.refused, p.at, p.crept = p.rate(), p.allotted(), p.w.now
		p.ceiling = p.refused * slowdown
	}
	p.paused = p.w.now + math.Exp2(float64(min(p.row, 10)))
	p.row++
	p.episode++
}

// die ends the process. Its activities are scheduled again after the heartbeat timeout.
func (p *process) die() {
	p.dead = true
	for _, a := range p.running {
		a.left, a.open = a.left+a.open+partLost, 0
		p.w.after(heartbeat, func() { p.w.place(a) })
	}
	p.running = nil
}

// ask requests the lease of the process from the Budget, and renews it when due.
func (p *process) ask() {
	if p.again = p.asking; p.asking || p.dead {
		return
	}
	p.asking = true
	p.timer++
	p.w.renewals++
	timer, asked := p.timer, p.w.now
	p.w.after(hop, func() {
		lease := p.w.grant(p)
		p.w.after(hop, func() {
			p.asking, p.lease, p.expires = false, lease, asked+leaseLength*p.w.refresh
			p.pump()
			if p.again || lease > 0 && len(p.running) == 0 {
				p.ask()
			} else if len(p.running) > 0 {
				p.w.after(p.w.refresh, func() {
					if timer == p.timer {
						p.ask()
					}
				})
			}
		})
	})
}
