package activities

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// documentsOf are documents in their order.
type documentsOf = iter.Seq2[schemas.Document, error]

// mapsDocument turns a document that belongs to no single conversation into rows.
type mapsDocument = func(schemas.Document) (schemas.Snapshot, error)

// observedLast returns a mapping of the documents of a shard that leaves out rows of reports that a document observed later has as well.
// If several windows report the same fact, readers take the rows of the window that was observed last. A shard that was merged from such
// windows has all their documents, so the rule has to hold in it, too. The documents of one window were all observed at the same time.
func observedLast(stream schemas.Stream, documents func() documentsOf, rows mapsDocument) (mapsDocument, error) {
	if stream != schemas.StreamReports {
		return rows, nil
	}
	times := map[time.Time]bool{}
	for doc, err := range documents() {
		if err != nil {
			return nil, err
		}
		times[doc.ObservedAt] = true
	}
	if len(times) < 2 {
		return rows, nil
	}
	last := map[lake.Key]time.Time{}
	for doc, err := range documents() {
		if err != nil {
			return nil, err
		}
		s, err := guarded(rows, doc)
		if err != nil {
			continue // it has no rows; the caller finds out the same
		}
		eachReported(s, func(key lake.Key, at time.Time) {
			if at.After(last[key]) {
				last[key] = at
			}
		})
	}
	return func(doc schemas.Document) (schemas.Snapshot, error) {
		s, err := rows(doc)
		s.Events = slices.DeleteFunc(s.Events, func(r schemas.Event) bool {
			return r.ObservedAt.Before(last[reportedKey("event", r.ConversationID, r.EventID)])
		})
		s.Ratings = slices.DeleteFunc(s.Ratings, func(r schemas.Rating) bool {
			return r.ObservedAt.Before(last[reportedKey("rating", r.ConversationID, r.RatingID)])
		})
		return s, err
	}, nil
}

func eachReported(s schemas.Snapshot, found func(lake.Key, time.Time)) {
	for _, r := range s.Events {
		found(reportedKey("event", r.ConversationID, r.EventID), r.ObservedAt)
	}
	for _, r := range s.Ratings {
		found(reportedKey("rating", r.ConversationID, r.RatingID), r.ObservedAt)
	}
}

func reportedKey(kind, conversation, id string) lake.Key {
	return lake.KeyOf(kind + "\x00" + conversation + "\x00" + id)
}

// documentKeys returns keys of the documents of a record. Those of reports are told apart by the time at which they were observed, those of
// the directory only by their content: a merged shard leaves out what repeats the snapshot before.
func documentKeys(ctx context.Context, l *lake.Lake, r ledger.Record) (map[lake.Key]lake.Standing, error) {
	keys := map[lake.Key]lake.Standing{}
	for doc, err := range l.Documents(ctx, r) {
		if err != nil {
			return nil, err
		}
		text := placeOf(doc)
		if r.Shard.Stream == schemas.StreamReports {
			text += " " + doc.ObservedAt.String()
		}
		keys[lake.KeyOf(text+"\n"+string(doc.Body))] = lake.Standing{}
	}
	return keys, nil
}

// placeOf names a document of a list among those of the same list.
func placeOf(doc schemas.Document) string {
	return fmt.Sprintf("%s %s %d", doc.ConversationID, doc.Kind, doc.Sequence)
}

// subset reports whether all keys of some are in all.
func subset(some, all map[lake.Key]lake.Standing) bool {
	for key := range some {
		if _, ok := all[key]; !ok {
			return false
		}
	}
	return true
}
