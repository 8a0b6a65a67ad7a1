package operate

import (
	"time"

	"github.com/chatlake/chatlake/internal/words"
)

// alarmBefore is how long before its deadline a window is said to be urgent.
const alarmBefore = 7 * 24 * time.Hour

// setDeadlines tells the windows apart that the platform deletes soon, and those that it has begun to delete.
func (s *Snapshot) setDeadlines(deadlines []time.Time) {
	for _, at := range deadlines {
		switch {
		case !at.After(s.At):
			s.Expired++
			continue
		case !at.After(s.At.Add(alarmBefore)):
			s.Expiring++
		}
		if s.Deadline == nil {
			s.Deadline = &at
		}
	}
}

// Alarms are what a person should know about an export that runs: the platform's retention, and a sync that goes first.
func (s Snapshot) Alarms() (lines []string) {
	if s.Expired > 0 {
		lines = append(lines, "too late: "+words.Plural(int64(s.Expired), "window")+" not committed yet, which the platform has begun to delete since the export began")
	}
	if s.Expiring > 0 {
		lines = append(lines, "soon lost: "+words.Plural(int64(s.Expiring), "window")+" not committed yet, which the platform deletes within a week, from "+words.Time(*s.Deadline)+" on")
	}
	if s.Yields != nil {
		lines = append(lines, "yields to a sync of the account, since "+s.Yields.Since.UTC().Format("2006-01-02 15:04:05 UTC")+": "+s.Yields.Why)
	}
	return lines
}
