package schemas

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"
)

// Digest is the hex SHA-256 of what the thread says, without when it was observed: the same conversation exported twice
// has the same digest. A time that no calendar has (before the year 0, after 9999) is an error.
func (t Thread) Digest() (string, error) {
	t.Conversation.ObservedAt = time.Time{}
	t.Conversation.ContentSHA256 = ""
	t.Conversation.StoredMessages, t.Conversation.StatedMessages = 0, nil
	t.Messages = unobserved(t.Messages, func(m *Message) *time.Time { return &m.ObservedAt })
	t.Participants = unobserved(t.Participants, func(p *Participant) *time.Time { return &p.ObservedAt })
	t.Events = unobserved(t.Events, func(e *Event) *time.Time { return &e.ObservedAt })
	t.Ratings = unobserved(t.Ratings, func(r *Rating) *time.Time { return &r.ObservedAt })
	t.Attachments = unobserved(t.Attachments, func(a *Attachment) *time.Time { return &a.ObservedAt })
	t.Tombstones = unobserved(t.Tombstones, func(s *Tombstone) *time.Time { return &s.ObservedAt })
	sum := sha256.New()
	if err := json.NewEncoder(sum).Encode(t); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func unobserved[R any](rows []R, observedAt func(*R) *time.Time) []R {
	rows = slices.Clone(rows)
	for i := range rows {
		*observedAt(&rows[i]) = time.Time{}
	}
	return rows
}
