// Package schemas is the vocabulary of chatlake: windows, documents, and one struct per table of the lake.
//
// Pointers are columns that may be null. A field that the provider omits is nil, and a list that it omits is empty; neither is an
// error. Times are UTC.
//
// It must not know any vendor, HTTP, S3 or Temporal, and it imports nothing else of chatlake.
package schemas

import "time"

// Version is the version of the printed schema of all tables together. Every Parquet footer and commit record contains it. It grows
// when a column is added. Columns are never removed or retyped, and files of all versions can be read together.
const Version = 2

// Window is a half-open time range [From, To) in UTC.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Contains reports whether t is in [From, To).
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

const windowLayout = "20060102T150405Z"

// String returns the window in the form of keys and workflow ids, for example 20260501T000000Z~20260601T000000Z.
func (w Window) String() string {
	return w.From.UTC().Format(windowLayout) + "~" + w.To.UTC().Format(windowLayout)
}

// Prefix returns the longest prefix that String has for every window that begins in w.
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
	Kind           string    // in the provider's words: "conversation", "messages", "participants", ...
	ConversationID string    // empty for documents that belong to no conversation
	Sequence       int64     // order among the documents of the same kind and conversation
	Status         int64     // HTTP status; 404 or 410 if the provider no longer has the object
	ObservedAt     time.Time // when the response was read
	Body           []byte    // as sent
}

// Thread is one conversation as rows, made from all of its documents.
type Thread struct {
	Conversation Conversation
	Messages     []Message
	Participants []Participant
	Events       []Event
	Ratings      []Rating
	Attachments  []Attachment
	Tombstones   []Tombstone // messages of it that the provider has deleted
}

// Snapshot are the rows of documents that do not belong to a conversation: of an account's directory or of reports.
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
