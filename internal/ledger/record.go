package ledger

import (
	"fmt"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// Shard is one account, stream and window: the unit of commit.
type Shard struct {
	Provider string         `json:"provider"`
	Account  string         `json:"account"`
	Stream   schemas.Stream `json:"stream"`
	Window   schemas.Window `json:"window"`
}

// String names the shard as it stands in workflow ids: acme/created/20260501T000000Z~20260601T000000Z.
func (s Shard) String() string {
	return fmt.Sprintf("%s/%s/%s", s.Account, s.Stream, s.Window)
}

// File is one Parquet file of a shard.
type File struct {
	Table  string `json:"table"`
	Key    string `json:"key"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // hex
	Rows   int64  `json:"rows"`
	// RowGroups is how many row groups the footer lists.
	RowGroups    int        `json:"row_groups"`
	MinCreatedAt *time.Time `json:"min_created_at,omitempty"`
	MaxCreatedAt *time.Time `json:"max_created_at,omitempty"`
}

// Staged names one object written by an activity attempt.
type Staged struct {
	Key       string `json:"key"`
	SHA256    string `json:"sha256"` // hex, of the object's bytes
	Bytes     int64  `json:"bytes"`
	Documents int64  `json:"documents"`
}

// Counts are the totals of one shard. Listed = Conversations + Gone + Dead, or the shard is not committed.
type Counts struct {
	Listed        int64 `json:"listed"`        // different conversation ids that the list gave
	Conversations int64 `json:"conversations"` // exported whole
	Gone          int64 `json:"gone"`          // listed, but no longer there when fetched
	Dead          int64 `json:"dead"`          // listed, but could not be exported
	Messages      int64 `json:"messages"`
	Duplicates    int64 `json:"duplicates"`    // conversations listed more than once
	OutOfWindow   int64 `json:"out_of_window"` // rows that the list gave and that belong to other windows
	Documents     int64 `json:"documents"`
	// Mismatched is how many of Conversations have another number of messages stored than the provider states.
	Mismatched int64 `json:"mismatched,omitempty"`
	// Unreadable is how many texts and other values of Conversations are encrypted and could not be decrypted: they are null
	// in the rows. Absent in records of builds that did not count them.
	Unreadable int64 `json:"unreadable,omitempty"`
}

// Record is the commit record of one generation of a shard: the only thing that makes data files count.
type Record struct {
	FormatVersion int    `json:"format_version"`
	Shard         Shard  `json:"shard"`
	Generation    int    `json:"generation"`
	Supersedes    int    `json:"supersedes,omitempty"` // the generation that stood before, 0 for none
	SpecDigest    string `json:"spec_digest"`          // of all settings that decide what the shard holds
	// Refresh is what the export added to the settings to ask for a new generation; it is in SpecDigest too.
	Refresh       string   `json:"refresh,omitempty"`
	SchemaVersion int      `json:"schema_version"`
	Writer        string   `json:"writer"` // build that sealed it
	Counts        Counts   `json:"counts"`
	TotalBefore   *int64   `json:"total_before,omitempty"` // the provider's own count of the window before listing
	TotalAfter    *int64   `json:"total_after,omitempty"`  // and after
	Visibility    string   `json:"visibility,omitempty"`   // full, partial or unknown
	Flags         []string `json:"flags,omitempty"`        // gaps that were accepted by policy, for example "count_mismatch"
	// Unwitnessed names the lists that the shard was read from and for which nothing speaks but the platform's own
	// answers, which agreed: no count, no link from the other side, no second list. It is no gap. Absent in records of
	// builds that did not look.
	Unwitnessed []string `json:"unwitnessed,omitempty"`
	// Cause is what made this generation of what the lake held already: "remap". Empty where the platform was asked.
	Cause string `json:"cause,omitempty"`
	// Rewrites is the digest of the record that this one replaces, where it was made of it. Commit then replaces that record or none.
	Rewrites string `json:"rewrites,omitempty"`
	Files    []File `json:"files"`
	// Digest is the hex SHA-256 of all that the record says about its content: two records with the same digest are the
	// same commit. Set by Commit.
	Digest string `json:"digest"`
	// The rest tells who committed it and when; it is not part of the digest.
	WorkflowID  string    `json:"workflow_id,omitempty"`
	RunID       string    `json:"run_id,omitempty"`
	CommittedAt time.Time `json:"committed_at"`
}
