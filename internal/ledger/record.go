package ledger

import (
	"fmt"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// Shard is one account, stream and window: the unit that is committed.
type Shard struct {
	Provider string         `json:"provider"`
	Account  string         `json:"account"`
	Stream   schemas.Stream `json:"stream"`
	Window   schemas.Window `json:"window"`
}

// String is the shard as it appears in workflow ids: acme/created/20260501T000000Z~20260601T000000Z.
func (s Shard) String() string {
	return fmt.Sprintf("%s/%s/%s", s.Account, s.Stream, s.Window)
}

// Partition is what the rows of the shard share.
func (s Shard) Partition() schemas.Partition {
	return schemas.Partition{Provider: s.Provider, Account: s.Account, Stream: s.Stream, Month: s.Window.From.UTC().Format("2006-01")}
}

// File is one Parquet file of a shard.
type File struct {
	Table  string `json:"table"`
	Key    string `json:"key"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // hex
	Rows   int64  `json:"rows"`
	// RowGroups is the number of row groups in the footer.
	RowGroups    int        `json:"row_groups"`
	MinCreatedAt *time.Time `json:"min_created_at,omitempty"`
	MaxCreatedAt *time.Time `json:"max_created_at,omitempty"`
}

// Staged is one object that an activity attempt wrote.
type Staged struct {
	Key       string `json:"key"`
	SHA256    string `json:"sha256"` // hex, of the object's bytes
	Bytes     int64  `json:"bytes"`
	Documents int64  `json:"documents"`
}

// Counts are the totals of one shard. A shard is committed only if Listed = Conversations + Gone + Dead + Unchanged.
type Counts struct {
	Listed        int64 `json:"listed"`        // distinct conversation ids in the list, and Unlisted
	Conversations int64 `json:"conversations"` // exported completely
	Gone          int64 `json:"gone"`          // listed, but no longer on the platform when fetched
	Dead          int64 `json:"dead"`          // listed, but impossible to export
	Messages      int64 `json:"messages"`
	Duplicates    int64 `json:"duplicates"`    // conversations listed more than once
	OutOfWindow   int64 `json:"out_of_window"` // listed rows that belong to other windows
	Documents     int64 `json:"documents"`
	// Unchanged is how many listed conversations of a window of changes the lake already had in the listed version. Nothing is written
	// of them: Listed = Conversations + Gone + Dead + Unchanged. After a merge it counts as well those that readers take from elsewhere,
	// and after an absorption all that were listed.
	Unchanged int64 `json:"unchanged,omitempty"`
	// Reused is how many of Conversations were not asked for again: their documents come from the lake.
	Reused int64 `json:"reused,omitempty"`
	// Kept is how many of Gone and Dead have a row in conversations as well: their last version, which was in the lake.
	Kept int64 `json:"kept,omitempty"`
	// Unlisted is how many of Gone the list did not have: the lake knew them, and the platform said by id that it has them no longer.
	Unlisted int64 `json:"unlisted,omitempty"`
	// Mismatched is how many of Conversations have a different number of messages stored than the provider states.
	Mismatched int64 `json:"mismatched,omitempty"`
	// Unreadable is how many texts and other values of Conversations are encrypted and could not be decrypted. They are null in
	// the rows. Absent in records of builds that did not count them.
	Unreadable int64 `json:"unreadable,omitempty"`
}

// Omission is about a document of each conversation that may say no more than the list does.
type Omission struct {
	Document string `json:"document"` // its kind
	Asked    int64  `json:"asked"`    // conversations of which it was requested and compared with the list
	Omitted  int64  `json:"omitted"`  // conversations of which it was not requested
	// More means that at least one such document said more than the list.
	More bool `json:"more,omitempty"`
}

// AddOmission adds what a list says of a document to what others say.
func AddOmission(all []Omission, o Omission) []Omission {
	for i := range all {
		if sum := &all[i]; sum.Document == o.Document {
			sum.Asked, sum.Omitted, sum.More = sum.Asked+o.Asked, sum.Omitted+o.Omitted, sum.More || o.More
			return all
		}
	}
	return append(all, o)
}

// Cause is why a generation was made.
type Cause string

const (
	CauseExport Cause = "export" // a person asked for a range
	CauseSync   Cause = "sync"   // the platform was asked what changed
	CauseSettle Cause = "settle" // a window was listed again
	CausePush   Cause = "push"   // the platform announced something
	CauseRemap  Cause = "remap"  // the rows were made again from the documents in the lake
	CauseMerge  Cause = "merge"  // narrower windows became one, from the documents in the lake
	CauseAbsorb Cause = "absorb" // another shard has all of it
	CauseAudit  Cause = "audit"  // chatlake asked the platform to change something
)

// Record is the commit record of one generation of a shard. Data files count only if a record names them.
type Record struct {
	FormatVersion int    `json:"format_version"`
	Shard         Shard  `json:"shard"`
	Generation    int    `json:"generation"`
	Supersedes    int    `json:"supersedes,omitempty"` // the previous generation, 0 for none
	SpecDigest    string `json:"spec_digest"`          // of all settings that determine the content of the shard
	// Refresh is what the export added to the settings to request a new generation. SpecDigest includes it.
	Refresh       string `json:"refresh,omitempty"`
	SchemaVersion int    `json:"schema_version"`
	Writer        string `json:"writer"` // the build that sealed the shard
	Counts        Counts `json:"counts"`
	TotalBefore   *int64 `json:"total_before,omitempty"` // the provider's own count of the window before listing
	TotalAfter    *int64 `json:"total_after,omitempty"`  // and after
	// TotalListed is the count of the window that the list itself gave at its end, if it did: by the platform's count, or by the positions
	// of the window's ends. If it agrees with what was listed, and nothing had changed, the platform is not asked for TotalAfter.
	TotalListed *int64   `json:"total_listed,omitempty"`
	Visibility  string   `json:"visibility,omitempty"` // full, partial or unknown
	Flags       []string `json:"flags,omitempty"`      // gaps that the policy accepted, for example "count_mismatch"
	// Unwitnessed names the lists whose completeness only the platform's own, consistent answers support: no count, no link from
	// the other side and no second list confirms them. It is not a gap. Absent in records of builds that did not check.
	Unwitnessed []string `json:"unwitnessed,omitempty"`
	// Omitted says which documents were not requested, because a sample of them said no more than the list. It is not a gap, unless a later
	// sample of the account says more.
	Omitted []Omission `json:"omitted,omitempty"`
	// Cause is why this generation was made. Empty in records of exports of builds that did not tell.
	Cause Cause `json:"cause,omitempty"`
	// Rewrites is the digest of the record that this one was made from or opened on. Commit replaces exactly that record, or fails.
	Rewrites string `json:"rewrites,omitempty"`
	// OpenedAt is when the shard was opened. Everything in it that was not reused was read after that. Absent in records of builds
	// that did not tell.
	OpenedAt *time.Time `json:"opened_at,omitempty"`
	// ListedAt is when the list of the shard was read to its end. What the platform deleted before that is not in it. Absent in records
	// of builds that did not tell.
	ListedAt *time.Time `json:"listed_at,omitempty"`
	// AbsorbedBy is the digest of a record that has the conversations of this shard, as new or newer. If several records have them
	// together, it is the one that has most of them. A record with AbsorbedBy has no files.
	AbsorbedBy string `json:"absorbed_by,omitempty"`
	// Push is what a sync counted of announcements, in the first generation of a shard of changes; nil if the account had none.
	Push *Push `json:"push,omitempty"`
	// Found are the conversations that a sync found changed, in the first generation of a shard of changes, so that a later sync can tell
	// which of them were announced. Named are the conversations that were announced, in the first generation of a shard of announcements.
	Found []Found  `json:"found,omitempty"`
	Named []string `json:"named,omitempty"`
	Files []File   `json:"files"`
	// Digest is the hex SHA-256 of the record's content: two records with the same digest are the same commit. Commit sets it.
	Digest string `json:"digest"`
	// Who committed the record and when. Not part of the digest.
	WorkflowID  string    `json:"workflow_id,omitempty"`
	RunID       string    `json:"run_id,omitempty"`
	CommittedAt time.Time `json:"committed_at"`
}

// clocksDiffer is how far the clocks of two workers may be apart, together with the time that a record needs from its clock into the ledger.
const clocksDiffer = 5 * time.Minute

// Saw reports whether a shard that was opened at one time was made with a record in the lake that was committed at another time. If that
// is not certain, it was not. The zero time of opening is an unknown one.
func Saw(opened, committed time.Time) bool {
	return !opened.IsZero() && committed.Before(opened.Add(-clocksDiffer))
}

// Saw reports whether the record was made with another one in the lake.
func (r Record) Saw(other Record) bool {
	return r.OpenedAt != nil && Saw(*r.OpenedAt, other.CommittedAt)
}
