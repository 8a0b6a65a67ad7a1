// Package providers is the contract between the export and the platforms that it copies.
//
// It must not know Parquet, buckets, batches, Temporal, the environment, or which platforms exist.
package providers

import (
	"context"
	"io"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// Cursor is the position at which a list continues. Only the provider that made it can read it. Temporal histories contain it,
// so it is short and contains no secrets and no text of a conversation. The empty cursor is the beginning of a window.
type Cursor string

// Ref names one listed conversation.
type Ref struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	// Messages is the conversation's number of messages according to the list, nil if the list does not give one.
	Messages *int64 `json:"messages,omitempty"`
	// Version says how new the conversation is according to the list, at most 64 bytes. Of two versions of a conversation, the newer
	// one is the greater text; equal texts mean that nothing changed that the list can show. Empty if the list does not tell. What a
	// Version cannot show is said in Definition.Blind.
	Version string `json:"version,omitempty"`
	// Unlisted means that no list has shown the conversation, so it has no Version and no document of a list comes with it: Messages
	// or Metadata must also fetch what the list would have said.
	Unlisted bool `json:"unlisted,omitempty"`
	// Anew means that the list has found out that it shows less than the platform says. A conversation that the lake has in the same
	// Version is then fetched once more, because it may have come from such a list.
	Anew bool `json:"anew,omitempty"`
	// Hint carries details from the list that help a fetch, such as the id of the contact. It is staged and never enters a
	// Temporal history. A fetch must also work without it.
	Hint string `json:"hint,omitempty"`
}

// Page is one page of a list.
type Page struct {
	Refs      []Ref              // conversations of the window, ascending by (CreatedAt, ID) within the page
	Documents []schemas.Document // what the list already contained, in the order of Refs
	Next      Cursor             // where to continue; empty after the last page
	Dropped   int                // listed rows outside the window
	// Total is how many conversations the window has, if the list itself says so: by its own count, or by the positions of the window's
	// ends, while nothing moved. Only the last page has it. Whoever relies on it compares it with what was listed.
	Total *int64
	// Unwitnessed names the lists behind this page that nothing confirms except the platform's own repeated answer: no count,
	// no link from the other side, no second list. The commit record contains it.
	Unwitnessed []string
	// Omitted says which requests the list has made unnecessary. The commit record contains it.
	Omitted []Omission
}

// Omission is about a document of each conversation that is not requested, because a sample of such documents said no more than the list.
type Omission struct {
	Document string // its kind
	Asked    int    // conversations of the page of which it was requested and compared with the list
	Omitted  int    // conversations of which it is not requested
	// More means that at least one such document, of this page or of one before, said more than the list. Then none is omitted.
	More bool
}

// Reader reads one account of one platform and needs the account's secrets. It may also implement the optional interfaces below,
// such as Counter. Methods are safe for concurrent use. Errors are *Error.
type Reader interface {
	// Conversations lists the conversations created in w, starting at the cursor. Every conversation that exists from before
	// the first call until after the last is on at least one page; it may be listed twice. Another process can continue from
	// any Next. A page may be empty and still have a Next.
	Conversations(ctx context.Context, w schemas.Window, at Cursor) iter.Seq2[Page, error]
	// Messages fetches all messages of refs. The documents are grouped by conversation, in the order of refs, with at least
	// one for each. A conversation that no longer exists is one document with status 404 or 410. The first error ends the walk.
	Messages(ctx context.Context, refs []Ref) iter.Seq2[schemas.Document, error]
	// Metadata fetches everything else about refs, in the same order. It may yield nothing for a ref.
	Metadata(ctx context.Context, refs []Ref) iter.Seq2[schemas.Document, error]
}

// Mapper turns documents into rows. It is pure: it uses no clock, no network and no credentials, and the same documents and
// settings give the same rows. So the documents in a lake can be mapped again long after the account's token has expired. A
// Mapper may also implement SnapshotMapper, ReportMapper and Decrypter. Methods are safe for concurrent use. Errors are *Error of
// the kind Malformed.
type Mapper interface {
	// Thread turns the documents of one conversation into rows.
	Thread(docs []schemas.Document) (schemas.Thread, error)
}

// SnapshotMapper is implemented by the Mapper if the provider's Reader is a Directory.
type SnapshotMapper interface {
	// Snapshot turns one document of the directory into rows.
	Snapshot(doc schemas.Document) (schemas.Snapshot, error)
}

// ReportMapper is implemented by the Mapper if the provider's Reader is a Reporter.
type ReportMapper interface {
	// Report turns one document of Reports into rows.
	Report(doc schemas.Document) (schemas.Snapshot, error)
}

// Decrypter is a Mapper that decrypts texts.
type Decrypter interface {
	// Unreadable returns how many texts and other values of a thread made by Thread could not be decrypted. They are null in
	// its rows.
	Unreadable(thread schemas.Thread) int64
}

// Keeper keeps, when a conversation is read again, what the lake has and the new reading lacks: what a report about another window said.
// So the rows depend on all that was ever read, not on how the conversation was found last. Methods are pure and safe for concurrent use.
type Keeper interface {
	// Keep returns those of the documents had, which the lake has of a conversation, that count together with the documents read. It may
	// leave out parts of them that are not true any more. Both may have been read at the same time, so had may be the newer of them. Kept
	// once, nothing is left: beside read and what was kept of had, Keep returns nothing of had.
	Keep(had, read []schemas.Document) ([]schemas.Document, error)
	// Adds reports whether documents of a list say something that is to be kept and that had does not say. Then the conversation is
	// fetched, even if the lake has it in the listed version.
	Adds(had, listed []schemas.Document) (bool, error)
}

// Counter is a Reader that can count the conversations of a window.
type Counter interface {
	Count(ctx context.Context, w schemas.Window) (int64, error)
}

// Changer is a Reader that lists conversations by when they changed.
type Changer interface {
	// Changes lists the conversations that changed in w by the platform's own signal, starting at the cursor, as Conversations does.
	// A conversation that changes again after w may be missing: a later window has it. Ref.CreatedAt may be outside w, and Dropped
	// counts nothing. What the signal misses is said in Definition.Blind. known is what the lake has of the account, for platforms
	// whose own signal is not enough.
	Changes(ctx context.Context, w schemas.Window, known Known, at Cursor) iter.Seq2[Page, error]
}

// Finder is a Reader that can look conversations up by their ids before they are fetched, so that they get a Version.
type Finder interface {
	// Find lists the conversations with these ids, as Conversations does: with the Ref and the documents that the list would have had.
	// Conversations that do not exist, and those of which only a fetch can tell, are on no page.
	Find(ctx context.Context, ids []string) iter.Seq2[Page, error]
}

// Known is what the lake has of an account.
type Known interface {
	// Open yields the conversations whose newest version in the lake is not closed, ascending by (CreatedAt, ID). Their Version is
	// the one that was listed when they were last read.
	Open(ctx context.Context) iter.Seq2[Ref, error]
	// Seen yields the conversations whose newest version in the lake was read at a time or later, in the order of Open.
	Seen(ctx context.Context, since time.Time) iter.Seq2[Ref, error]
	// Find returns a conversation's newest version in the lake, or false if the lake does not have it.
	Find(ctx context.Context, id string) (Ref, bool, error)
}

// Directory is a Reader that can list its agents, contacts, groups, channels, labels and fields.
type Directory interface {
	// Directory lists documents page by page. Its pages have no Refs.
	Directory(ctx context.Context, at Cursor) iter.Seq2[Page, error]
}

// Reporter is a Reader that reports what happened to conversations, such as late ratings, labels and assignments, by the time at
// which it happened and not by the conversation's time of creation.
type Reporter interface {
	// Reports lists the documents about what happened in w, page by page. Its pages have no Refs.
	Reports(ctx context.Context, w schemas.Window, at Cursor) iter.Seq2[Page, error]
}

// Omitter is a Reader with pages that have an Omission.
type Omitter interface {
	// OmitNothing makes the reader request all such documents from now on, as if one had said more than the list. It is called when a
	// window starts over: another process may have seen one.
	OmitNothing()
}

// Retrier is a Reader whose cursors count the platform's failures.
type Retrier interface {
	// Retry returns the cursor for listing again after a person has asked to retry a blocked shard: the same position, with
	// the failure count at zero. A cursor that it cannot parse is returned unchanged. It is pure.
	Retry(at Cursor) Cursor
}

// Prober is a Reader that can check its credentials before any work starts.
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

// Probe is the result of checking the credentials.
type Probe struct {
	Visibility Visibility
	// Advice is a sentence, without names, on how to get full visibility.
	Advice string
	// Unreadable is a sentence, without names, on why the account's keys cannot decrypt the sampled texts. It is empty if they
	// can, and if the sample has no encrypted text.
	Unreadable string
}

// Account is one configured login with resolved secrets.
type Account struct {
	Name      string // as in the configuration
	BaseURL   string
	AccountID string // the platform's own id of the account, if it has one
	Token     string // Check gets the reference to it, or nothing
	// Secrets are the further credentials listed in Definition.Secrets, by name, resolved. Check gets only their names.
	Secrets map[string]string
	// Take takes one use of a quota that all processes share and that outlives them. If the caller must wait for it, the error
	// is a Throttled *Error with After. Nil means that uses are not counted.
	Take func(context.Context, Quota) error
	// Scratch creates a scratch file. If it is nil, such data stays in memory.
	Scratch func() (File, error)
	// Watch is told of every request; nil if nobody watches.
	Watch   Watch
	Rate    Rate
	Options map[string]string
}

// Settings are what a Mapper needs to read documents. They contain nothing that gives access to the platform.
type Settings struct {
	Options map[string]string // of the account, as accepted by Definition.Check
	// Secrets are the account's configured secrets that Definition.MappingSecrets names, resolved.
	Secrets map[string]string
}

// File is a scratch file: a local file without a name, which disappears when it is closed or no longer referenced.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
}

// Quota is a limit that is too low to be given in requests per second, such as reports per day.
type Quota struct {
	Name   string  // part of workflow ids: "reports"
	Limits []Limit // all of them apply
	// Changes is true for the uses of a list of changes. All others leave as many uses as the account's syncs need.
	Changes bool
}

// Limit is the number of uses allowed in any period of a length.
type Limit struct {
	Uses int           `json:"uses"`
	Per  time.Duration `json:"per"`
}

// Span returns the shortest time in which a number of uses is possible, from the first to the last.
func (q Quota) Span(uses int) (span time.Duration) {
	for _, l := range q.Limits {
		if uses > 0 && l.Uses > 0 {
			span = max(span, time.Duration((uses-1)/l.Uses)*l.Per)
		}
	}
	return span
}

// Free returns how long to wait, from now, until the limits allow one more use. uses are the times of earlier uses, oldest first.
func (q Quota) Free(uses []time.Time, now time.Time) (after time.Duration) {
	for _, l := range q.Limits {
		if n := len(uses); n >= l.Uses {
			after = max(after, uses[n-l.Uses].Add(l.Per).Sub(now))
		}
	}
	return after
}

// Left returns how many more uses the limits allow now. uses are the times of earlier uses.
func (q Quota) Left(uses []time.Time, now time.Time) int {
	left := math.MaxInt
	for _, l := range q.Limits {
		used := 0
		for _, at := range uses {
			if now.Sub(at) < l.Per {
				used++
			}
		}
		left = min(left, max(0, l.Uses-used))
	}
	return left
}

// Recent returns the uses that still count towards a limit.
func (q Quota) Recent(uses []time.Time, now time.Time) []time.Time {
	var longest time.Duration
	for _, l := range q.Limits {
		longest = max(longest, l.Per)
	}
	return slices.DeleteFunc(uses, func(at time.Time) bool { return now.Sub(at) >= longest })
}

// Rationed is a Reader that takes from quotas.
type Rationed interface {
	// Rations returns how many uses of each quota the export of a window takes.
	Rations(w schemas.Window) []Ration
}

// Ration is a number of uses of a quota.
type Ration struct {
	Quota Quota
	Uses  int
}

// Definition describes a provider to the registry.
type Definition struct {
	Name string // as in the configuration and in keys
	// Open returns the reader of an account. It sends nothing over the network.
	Open func(Account) (Reader, error)
	// Mapper returns the mapper of an account. It sends nothing over the network.
	Mapper func(Settings) (Mapper, error)
	// Check validates the settings of an account. It returns nil or a *Setting.
	Check func(Account) error
	// Normal normalizes the settings of an account that Check accepts, so that settings with the same meaning are equal: the id,
	// the address and the options. Options with their default values are removed and returned separately.
	Normal func(Account) (normal Account, defaults map[string]string)
	// BaseURL is the default base_url; empty if the configuration must give one.
	BaseURL string
	// RequestsPerSecond is the default budget.
	RequestsPerSecond float64
	// Covers returns other options of an account whose exports have at least what an export with the given options has. Windows that were
	// copied with them are not copied again. Nil means that there are none. Check has accepted the options.
	Covers func(options map[string]string) []map[string]string
	// Prices returns what reading an account with options takes. Check has accepted the options.
	Prices func(options map[string]string) Prices
	// Retention is how long the platform of an account keeps what windows of a stream are read from, as far as it states that. Nil
	// means for ever, or not known.
	Retention func(Account, schemas.Stream) schemas.Retention
	// Blind names what changes neither Ref.Version nor the list of Changes, in words for people: "edited messages", "late ratings".
	// It is empty if every change shows. A settle of full depth finds these changes.
	Blind []string
	// Keeper keeps documents that a later reading of their conversation may lack. It is nil if every reading says everything.
	Keeper Keeper
	// LeastInterval is the shortest time between two syncs that the platform's limits allow; 0 means that there is none.
	LeastInterval time.Duration
	// LeastLag is how late the list of Changes may show a change. A sync stays at least this far behind the clock.
	LeastLag time.Duration
	// Batch is how many conversations one request of Messages covers; 0 means one.
	Batch int
	// MetadataBatch is how many conversations one call of Metadata should get; 0 means one.
	MetadataBatch int
	// Secrets names the credentials beyond the token that the provider accepts. TokenOptional means that they may replace the
	// token; Check knows which of them belong together.
	Secrets       []string
	TokenOptional bool
	// MappingSecrets are those of Secrets that the Mapper needs: keys that decrypt texts, for platforms that send encrypted
	// texts. They give no access to the platform. Documents cannot be mapped without them, so a mapping secret that cannot be
	// resolved blocks a seal; a token never does.
	MappingSecrets []string
	// Push is how the platform announces what happens; nil if it does not.
	Push *Push
	// Ends means that the Reader is an Ender.
	Ends bool
	// Columns says of columns of the lake, named like conversations.status, what they hold where platforms differ.
	Columns map[string]string
}

// Setting is an error about one key of an account's configuration.
type Setting struct {
	Key    string // relative to the account: "account_id", "options.details"
	Reason string // what is expected and what to do
}

func (s *Setting) Error() string { return s.Key + ": " + s.Reason }
