package activities

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// record is the record of the shard without what writing it finds out. It says of the inputs what a reader of their records would be told:
// their gaps, their unwitnessed lists, the narrowest visibility, the earliest time at which one was opened, and the latest at which one was listed.
func (m *merge) record() ledger.Record {
	next := ledger.Record{
		Shard: m.shard, Generation: 1, Cause: ledger.CauseMerge, SchemaVersion: schemas.Version, Writer: m.lake.Writer(), Visibility: m.inputs[0].Visibility,
	}
	made := sha256.New()
	fmt.Fprintf(made, "merge %s\n", m.shard)
	opened, listed := m.inputs[0].OpenedAt, m.inputs[0].ListedAt
	for _, r := range m.inputs {
		fmt.Fprintf(made, "%s\n", r.Digest)
		next.Counts.Listed += r.Counts.Listed
		next.Counts.Duplicates += r.Counts.Duplicates
		next.Counts.OutOfWindow += r.Counts.OutOfWindow
		next.Counts.Unchanged += r.Counts.Unchanged
		for _, flag := range r.Flags {
			if flag != FlagMessages {
				next.Flags = union(next.Flags, []string{flag})
			}
		}
		next.Unwitnessed = union(next.Unwitnessed, r.Unwitnessed)
		for _, o := range r.Omitted {
			next.Omitted = ledger.AddOmission(next.Omitted, o)
		}
		next.Visibility = narrower(next.Visibility, r.Visibility)
		if opened != nil && (r.OpenedAt == nil || r.OpenedAt.Before(*opened)) {
			opened = r.OpenedAt
		}
		if listed != nil && (r.ListedAt == nil || r.ListedAt.After(*listed)) {
			listed = r.ListedAt
		}
	}
	next.OpenedAt, next.ListedAt, next.SpecDigest = opened, listed, hex.EncodeToString(made.Sum(nil))
	for _, at := range m.place {
		if at == elsewhere {
			next.Counts.Unchanged++
		}
	}
	again := int64(m.seen - len(m.place)) // conversations that are in several inputs
	next.Counts.Listed -= again
	next.Counts.Duplicates += again
	if m.own != nil {
		next.Push = m.own.Push // of the other inputs, the records that absorb them keep it
		next.Generation, next.Rewrites = m.own.Generation+1, m.own.Digest
		next.SpecDigest, next.Refresh = m.own.SpecDigest, m.own.Refresh // so that whoever made it still adopts it
	}
	return next
}

// narrower returns the visibility of what was read with either.
func narrower(a, b string) string {
	for _, v := range []string{"partial", "unknown", ""} {
		if a == v || b == v {
			return v
		}
	}
	return a
}
