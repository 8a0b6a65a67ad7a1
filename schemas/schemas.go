// Package schemas is the vocabulary of chatlake: windows, documents, and one struct per table of the lake.
//
// Pointers are columns that may be null: a field that the provider omits is nil, a list that it omits is empty, and
// nothing that it omits is an error. Times are UTC.
//
// It must not know any vendor, HTTP, S3 or Temporal, and it imports nothing else of chatlake.
package schemas

import "time"

// Version numbers the printed schema of all tables together. It stands in every Parquet footer and commit record, and
// grows when a column is added; columns are never removed or retyped, and files of all versions can be read together.
const Version = 2

// Window is a half-open time range [From, To) in UTC.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Contains says whether t lies in [From, To).
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

const windowLayout = "20060102T150405Z"

// String is the window as it stands in keys and workflow ids, for example 20260501T000000Z~20260601T000000Z.
func (w Window) String() string {
	return w.From.UTC().Format(windowLayout) + "~" + w.To.UTC().Format(windowLayout)
}

// Prefix is how String begins for every window that begins in w.
func (w Window) Prefix() string {
	first, last := w.From.UTC().Format(windowLayout), w.To.Add(-time.Second).UTC().Format(windowLayout)
	n := 0
	for n < len(first) && first[n] == last[n] {
		n++
	}
	return first[:n]
}

// Document is one response body, or one row group of it, as the provider sent it.
type Document struct {
	Kind           string    // the provider's word for what it is: "conversation", "messages", "participants", ...
	ConversationID string    // empty for documents that belong to no conversation
	Sequence       int64     // order among the documents of the same kind and conversation
	Status         int64     // HTTP status it came with; 404 or 410 where the provider says it is gone
	ObservedAt     time.Time // when the response was read
	Body           []byte    // as sent
}

// Thread is one conversation as rows: everything that its documents say.
type Thread struct {
	Conversation Conversation
	Messages     []Message
	Participants []Participant
	Events       []Event
	Ratings      []Rating
	Attachments  []Attachment
	Tombstones   []Tombstone // messages of it that the provider has deleted
}

// Snapshot is what documents that belong to no one conversation say: an account's directory, or reports.
type Snapshot struct {
	Events   []Event
	Ratings  []Rating
	Agents   []Agent
	Contacts []Contact
	Groups   []Group
	Channels []Channel
	Labels   []Label
	Fields   []Field
}
