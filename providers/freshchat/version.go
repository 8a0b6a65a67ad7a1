package freshchat

import "time"

// seen notes a time of the conversation; zero is none.
func (c *candidate) seen(at time.Time) {
	if !at.IsZero() && (c.newest == nil || at.After(*c.newest)) {
		c.newest = &at
	}
}

// version returns the conversation's version: the latest of the time at which its own body says that it was updated, and the times of
// its rows in the listed reports. A list of other reports may give an older version of the same state, never a newer one.
func (c *candidate) version() string {
	if c.newest == nil {
		return ""
	}
	return c.newest.UTC().Format("2006-01-02T15:04:05.000Z")
}

// updatedAt returns when the conversation's own body says that it was updated, zero if it does not.
func (s *sources) updatedAt() time.Time {
	if at := moment(s.conversation["updated_time"]); at != nil {
		return *at
	}
	return time.Time{}
}
