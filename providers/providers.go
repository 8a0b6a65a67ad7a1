// Package providers is the contract between the export and the platforms it copies.
//
// It must not know Parquet, buckets, batches, Temporal, the environment, or which platforms there are.
package providers

import (
	"context"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// Cursor says where a list goes on. It is opaque to all but the provider that made it, carries no secret and no text of a
// conversation, and stays short: it stands in Temporal histories. The empty cursor is the beginning of a window.
type Cursor string

// Ref names one listed conversation.
type Ref struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	// Messages is how many messages the list says the conversation has, nil where it does not say.
	Messages *int64 `json:"messages,omitempty"`
	// Hint is what the list said that a fetch can use, such as the id of the contact. It is staged, and never stands in a
	// Temporal history; a fetch must do without it too.
	Hint string `json:"hint,omitempty"`
}

// Page is one page of a list.
type Page struct {
	Refs      []Ref              // conversations of the window, ascending by (CreatedAt, ID) within the page
	Documents []schemas.Document // what the list already carried, in the order of Refs
	Next      Cursor             // where to go on; empty after the last page
	Dropped   int                // listed rows that were outside the window
	// Unwitnessed names the lists of which the page was read and for which nothing speaks but the platform's own answer,
	// given several times: no count, no link from the other side, no second list. It stands in the commit record.
	Unwitnessed []string
}

// Reader asks one account of one platform, and needs the account's secrets for it. What else a provider can be asked for are
// interfaces of their own, such as Counter, which its Reader may have too. Methods are safe for concurrent use. Errors are *Error.
type Reader interface {
	// Conversations lists the conversations created in w, from at on. Every conversation that exists from before the
	// first call until after the last is in at least one page; one may be listed twice. Paging can go on at every
	// Next, in another process. An empty page with a Next is allowed.
	Conversations(ctx context.Context, w schemas.Window, at Cursor) iter.Seq2[Page, error]
	// Messages fetches all messages of refs. Documents come grouped by conversation in the order of refs, at least one
	// for each; a conversation that is gone is one document with status 404 or 410. The first error ends the walk.
	Messages(ctx context.Context, refs []Ref) iter.Seq2[schemas.Document, error]
	// Metadata fetches what else belongs to refs, in the same order. It may yield nothing for a ref.
	Metadata(ctx context.Context, refs []Ref) iter.Seq2[schemas.Document, error]
}

// Mapper turns documents into rows. It is pure: no clock, no network, no credentials; the same documents and settings give the
// same rows. So what the lake holds can be mapped again long after the account's token has expired. What else a Mapper can do are
// interfaces of their own: SnapshotMapper, ReportMapper, Decrypter. Methods are safe for concurrent use. Errors are *Error of the
// kind Malformed.
type Mapper interface {
	// Thread turns the documents of one conversation into rows.
	Thread(docs []schemas.Document) (schemas.Thread, error)
}

// SnapshotMapper is a Mapper of a provider whose Reader is a Directory.
type SnapshotMapper interface {
	// Snapshot turns one document of the directory into rows.
	Snapshot(doc schemas.Document) (schemas.Snapshot, error)
}

// ReportMapper is a Mapper of a provider whose Reader is a Reporter.
type ReportMapper interface {
	// Report turns one document of Reports into rows.
	Report(doc schemas.Document) (schemas.Snapshot, error)
}

// Decrypter is a Mapper that decrypts texts.
type Decrypter interface {
	// Unreadable is how many texts and other values of a thread that Thread made could not be decrypted: they are null in its
	// rows.
	Unreadable(thread schemas.Thread) int64
}

// Counter is a Reader that can say how many conversations a window should hold.
type Counter interface {
	Count(ctx context.Context, w schemas.Window) (int64, error)
}

// Directory is a Reader that can list its agents, contacts, groups, channels, labels and fields.
type Directory interface {
	// Directory lists documents page by page; its pages have no Refs.
	Directory(ctx context.Context, at Cursor) iter.Seq2[Page, error]
}

// Reporter is a Reader that reports what happened to conversations by the time when it happened, whenever they were
// created: ratings that come late, labels, assignments.
type Reporter interface {
	// Reports lists the documents of what happened in w, page by page; its pages have no Refs.
	Reports(ctx context.Context, w schemas.Window, at Cursor) iter.Seq2[Page, error]
}

// Retrier is a Reader whose cursors count how often the platform failed.
type Retrier interface {
	// Retry is the cursor from which to list again after a person has ordered that what is blocked be tried again: the
	// same place, with no failures counted. A cursor that it cannot read is returned as it is. It is pure.
	Retry(at Cursor) Cursor
}

// Prober is a Reader that can check its credentials before any work is done.
type Prober interface {
	Probe(ctx context.Context) (Probe, error)
}

// Visibility is how much of the account the credentials can see.
type Visibility string

const (
	VisibilityFull    Visibility = "full"
	VisibilityPartial Visibility = "partial" // an export with these credentials would silently miss conversations
	VisibilityUnknown Visibility = "unknown"
)

// Probe is what a check of the credentials found.
type Probe struct {
	Visibility Visibility
	// Advice says what to do about a partial visibility, in a sentence without names.
	Advice string
	// Unreadable says, in a sentence without names, why texts that were looked at cannot be decrypted with the account's keys.
	// It is empty where all can, and where none was met.
	Unreadable string
}

// Account is one configured login, its secrets resolved.
type Account struct {
	Name      string // as in the configuration
	BaseURL   string
	AccountID string // the platform's own id of the account, where it has one
	Token     string // Check sees the reference to it, or nothing
	// Secrets are further credentials by the names of Definition.Secrets, resolved. Check sees their names only.
	Secrets map[string]string
	// Take asks for one use of a quota that all processes share and that outlives them. Where it must be waited for, the
	// error is a Throttled *Error with After. Nil means that nobody counts.
	Take func(context.Context, Quota) error
	// Scratch makes a file for data in progress. Nil keeps such data in memory.
	Scratch func() (File, error)
	Rate    Rate
	Options map[string]string
}

// Settings are what a Mapper is made from: what decides how documents are read. They hold nothing that the platform lets anybody
// in with.
type Settings struct {
	Options map[string]string // of the account, as Definition.Check accepts them
	// Secrets are those of the account that Definition.MappingSecrets names and the configuration has, resolved.
	Secrets map[string]string
}

// File is a file for data in progress. Nobody finds it by a name, and it is gone when it is closed or forgotten.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
}

// Quota is what a platform allows too rarely for requests per second: reports per day, for example.
type Quota struct {
	Name   string  // stands in workflow ids: "reports"
	Limits []Limit // all of them hold
}

// Limit is so many uses in any span of so long.
type Limit struct {
	Uses int           `json:"uses"`
	Per  time.Duration `json:"per"`
}

// Span is how long so many uses take at least, from the first to the last.
func (q Quota) Span(uses int) (span time.Duration) {
	for _, l := range q.Limits {
		if uses > 0 && l.Uses > 0 {
			span = max(span, time.Duration((uses-1)/l.Uses)*l.Per)
		}
	}
	return span
}

// Free is how long after now one more use keeps to all limits; uses are those of before, oldest first.
func (q Quota) Free(uses []time.Time, now time.Time) (after time.Duration) {
	for _, l := range q.Limits {
		if n := len(uses); n >= l.Uses {
			after = max(after, uses[n-l.Uses].Add(l.Per).Sub(now))
		}
	}
	return after
}

// Recent are the uses that still count.
func (q Quota) Recent(uses []time.Time, now time.Time) []time.Time {
	var longest time.Duration
	for _, l := range q.Limits {
		longest = max(longest, l.Per)
	}
	return slices.DeleteFunc(uses, func(at time.Time) bool { return now.Sub(at) >= longest })
}

// Rationed is a Reader that takes from quotas.
type Rationed interface {
	// Rations is what an export of a window takes from each.
	Rations(w schemas.Window) []Ration
}

// Ration is so many uses of a quota.
type Ration struct {
	Quota Quota
	Uses  int
}

// Costs are the requests that one conversation usually takes.
type Costs struct {
	MessageRequests float64 `json:"message_requests"`
	// MetadataRequests of 0 say that Messages gives all there is, and Metadata is never called.
	MetadataRequests float64 `json:"metadata_requests"`
	// ListRequests are for listing it; 0 is a twentieth, a page of twenty to a request.
	ListRequests float64 `json:"list_requests,omitempty"`
}

// Definition is what a provider's folder exports for the registry.
type Definition struct {
	Name string // as in the configuration and in keys
	// Open makes the reader of an account. It does no network.
	Open func(Account) (Reader, error)
	// Mapper makes the mapper of an account. It does no network.
	Mapper func(Settings) (Mapper, error)
	// Check says what is wrong with the settings of an account; key is the setting, relative to the account, for example
	// "options.details". It returns nil, or an error made by Bad.
	Check func(Account) error
	// Normal brings the settings of an account that Check accepts into one form, so that what means the same is the same: its
	// id, its address, and its options without those that are as they are by default, which are returned apart.
	Normal func(Account) (normal Account, defaults map[string]string)
	// BaseURL is used when the configuration gives none; empty where it must be given.
	BaseURL string
	// RequestsPerSecond is the budget when the configuration gives none.
	RequestsPerSecond float64
	Costs
	// WindowRequests are those that a window costs whatever it holds (counts before and after, ends of lists), and ExportRequests
	// those of an export beside its windows (signing in, the directory), for estimates.
	WindowRequests, ExportRequests float64
	// RetentionMonths is how long the platform keeps conversations; 0 is for ever, or not known.
	RetentionMonths int
	// Batch is how many conversations one request of Messages covers; 0 is one.
	Batch int
	// MetadataBatch is how many conversations Metadata should be given at once; 0 is one.
	MetadataBatch int
	// Secrets names the credentials beyond the token that the provider understands. TokenOptional says that it can do
	// with them alone; which of them go together, Check knows.
	Secrets       []string
	TokenOptional bool
	// MappingSecrets are those of Secrets that the Mapper needs: keys that decrypt texts, where the documents hold them encrypted
	// as the platform sent them. They open nothing on the platform. Without them rows cannot be made of documents, so a mapping
	// secret that cannot be resolved blocks a seal; a token never does.
	MappingSecrets []string
}

// Setting is an error about one key of an account's configuration.
type Setting struct {
	Key    string // relative to the account: "account_id", "options.details"
	Reason string // what was expected and what to do
}

func (s *Setting) Error() string { return s.Key + ": " + s.Reason }
