package terminal

import "time"

// Progress passes on what a long command says of itself, but not more often than every so often.
type Progress struct {
	say   func(format string, args ...any)
	every time.Duration
	now   func() time.Time
	last  time.Time // when something was said, or when it began
}

// NewProgress makes a Progress that begins now.
func NewProgress(say func(format string, args ...any), every time.Duration) *Progress {
	return &Progress{say, every, time.Now, time.Now()}
}

// Say says something, unless something was said a moment ago.
func (p *Progress) Say(format string, args ...any) {
	if at := p.now(); at.Sub(p.last) >= p.every {
		p.last = at
		p.say(format, args...)
	}
}
