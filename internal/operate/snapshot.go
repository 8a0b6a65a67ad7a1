package operate

import (
	"time"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

// A Snapshot is what is known of an export at one moment.
type Snapshot struct {
	At            time.Time                `json:"at"`
	Range         schemas.Window           `json:"-"` // that the run copies; zero if it has not told
	State         workflows.State          `json:"state"`
	Windows       int                      `json:"windows"`
	Done          int                      `json:"done"`
	InFlight      int                      `json:"in_flight"` // windows
	Conversations int64                    `json:"conversations"`
	Expected      int64                    `json:"expected"` // conversations of all windows, estimated; 0 when there is nothing to go by
	Messages      int64                    `json:"messages"`
	Estimated     bool                     `json:"messages_estimated"` // Messages holds an estimate for the windows in flight
	Requests      int64                    `json:"requests"`
	Throttled     int64                    `json:"throttled"`
	Rate          float64                  `json:"requests_per_second"`         // of this export; 0 is no limit
	Account       float64                  `json:"account_requests_per_second"` // of the account, for all its exports
	Waiting       []Wait                   `json:"waiting,omitempty"`           // all that is waited for, each party and reason once
	Stands        bool                     `json:"stands,omitempty"`            // nothing moves until the first of the waits ends
	WaitingUntil  *time.Time               `json:"waiting_until,omitempty"`     // when that is, as far as it is known
	Yields        *Wait                    `json:"yields,omitempty"`            // a sync of the account goes first; the export goes on with less
	Deadline      *time.Time               `json:"deadline,omitempty"`          // when the platform begins to delete the next window that is not committed
	Expiring      int                      `json:"expiring,omitempty"`          // windows whose deadline is within a week
	Expired       int                      `json:"expired,omitempty"`           // windows whose deadline has passed since the export began
	Blocked       []workflows.BlockedShard `json:"blocked,omitempty"`
	Advice        string                   `json:"advice,omitempty"`
	Unreadable    int64                    `json:"unreadable,omitempty"` // texts of windows that are committed which could not be decrypted
}

// newSnapshot joins what the export and its windows in flight answered.
func newSnapshot(at time.Time, e workflows.ExportProgress, shards []workflows.ShardProgress) Snapshot {
	s := Snapshot{
		At: at, Range: e.Range(), State: e.State, Windows: e.Windows, Done: e.Done, InFlight: len(e.Running), Blocked: e.Blocked, Advice: e.Advice,
		Conversations: e.Totals.Conversations + e.Totals.Gone + e.Totals.Dead,
		Messages:      e.Totals.Messages,
		Requests:      e.Totals.Requests,
		Throttled:     e.Totals.Throttled,
	}
	s.Rate, s.Account, s.Unreadable = e.RequestsPerSecond, e.AccountRequestsPerSecond, e.Totals.Unreadable
	known, listed := e.Done, e.Totals.Listed
	waiting := 0
	for _, p := range shards {
		s.Conversations += p.Fetched
		s.Requests += p.Requests
		s.Throttled += p.Throttled
		// What is staged is not counted message by message until the window is sealed.
		if e.Totals.Conversations > 0 {
			s.Messages += p.Fetched * e.Totals.Messages / e.Totals.Conversations
			s.Estimated = s.Estimated || p.Fetched > 0
		}
		if p.Expected != nil {
			known, listed = known+1, listed+max(*p.Expected, p.Listed)
		}
		if p.Waiting != nil {
			waiting++
			s.Waiting = addWait(s.Waiting, *p.Waiting, 1)
		}
	}
	s.Stands = waiting > 0 && waiting == len(shards)
	if e.Waiting != nil {
		s.Stands = s.Stands || len(shards) == 0
		s.Waiting = addWait(s.Waiting, *e.Waiting, 0)
	}
	s.setUntil()
	if e.Yields != nil {
		s.Yields = &Wait{Waiting: *e.Yields}
	}
	s.setDeadlines(e.Deadlines)
	if known > 0 {
		s.Expected = max(s.Conversations, listed+listed*int64(max(0, e.Windows-known))/int64(known))
	}
	return s
}

// standsFor says that nothing moves until one wait has ended, whatever else was known.
func (s Snapshot) standsFor(w workflows.Waiting) Snapshot {
	s.Waiting, s.Stands = append([]Wait{{Waiting: w}}, s.Waiting...), true
	s.setUntil()
	return s
}

// setUntil is the end of the first of the waits, where nothing moves.
func (s *Snapshot) setUntil() {
	s.WaitingUntil = nil
	for _, w := range s.Waiting {
		if s.Stands && w.Until != nil && (s.WaitingUntil == nil || w.Until.Before(*s.WaitingUntil)) {
			s.WaitingUntil = w.Until
		}
	}
}

// First is the wait that ends first; false where something moves.
func (s Snapshot) First() (Wait, bool) {
	if !s.Stands || len(s.Waiting) == 0 {
		return Wait{}, false
	}
	first := s.Waiting[0]
	for _, w := range s.Waiting[1:] {
		if first.Until != nil && w.Until != nil && w.Until.Before(*first.Until) {
			first = w
		}
	}
	return first, true
}

// Share is how much of the export is done, from 0 to 1.
func (s Snapshot) Share() float64 {
	switch {
	case s.State == workflows.StateDone:
		return 1
	case s.Expected > 0:
		return float64(s.Conversations) / float64(s.Expected)
	case s.Windows > 0:
		return float64(s.Done) / float64(s.Windows)
	}
	return 0
}
