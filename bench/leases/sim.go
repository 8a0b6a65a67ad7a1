package main

import (
	"math/rand/v2"
	"slices"
)

// sim is a clock and its scheduled actions, earliest first. Time is in seconds.
type sim struct {
	now    float64
	due    []event
	random *rand.Rand
}

type event struct {
	at float64
	do func()
}

// after schedules do in d seconds, after other actions of the same time.
func (s *sim) after(d float64, do func()) {
	at := s.now + d
	i, _ := slices.BinarySearchFunc(s.due, at, func(e event, at float64) int {
		if e.at <= at {
			return -1
		}
		return 1
	})
	s.due = slices.Insert(s.due, i, event{at, do})
}

// play performs scheduled actions until none is left.
func (s *sim) play() {
	for len(s.due) > 0 {
		e := s.due[0]
		s.due = s.due[1:]
		s.now = e.at
		e.do()
	}
}

// platform allows a number of requests per second, as a token bucket that holds one second's worth.
type platform struct {
	allowed, tokens, last float64
	halveAt               int // number of answers after which the limit is halved without notice; 0 means never
	answers               []float64
	refused               int
}

func (p *platform) ask(now float64) bool {
	p.tokens = min(p.allowed, p.tokens+(now-p.last)*p.allowed)
	p.last = now
	if p.tokens < 1 {
		p.refused++
		return false
	}
	p.tokens--
	if p.answers = append(p.answers, now); len(p.answers) == p.halveAt {
		p.allowed /= 2
	}
	return true
}
