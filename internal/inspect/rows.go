package inspect

import (
	"context"
	"fmt"
	"slices"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
)

// addUp says what is wrong with the counts of a record: with each other, and with the rows of its files. How many rows a
// file has its footer has said.
func addUp(r ledger.Record) (problems []string) {
	if r.AbsorbedBy != "" {
		return nil // another shard has its rows
	}
	rows := map[string]int64{}
	for _, f := range r.Files {
		rows[f.Table] += f.Rows
	}
	expect := func(table string, counted int64) {
		if rows[table] != counted {
			problems = append(problems, fmt.Sprintf("its files have %s of %s, its counts say %s", words.Plural(rows[table], "row"), table, words.Grouped(counted)))
		}
	}
	n := r.Counts
	expect(schemas.Documents.Table, n.Documents)
	expect(schemas.DeadLetters.Table, n.Dead)
	if !r.Shard.Stream.HasConversations() {
		return problems
	}
	expect(schemas.Conversations.Table, n.Conversations+n.Kept)
	expect(schemas.Messages.Table, n.Messages)
	if n.Listed != n.Conversations+n.Gone+n.Dead+n.Unchanged {
		ended := []string{fmt.Sprintf("%d whole", n.Conversations), fmt.Sprintf("%d gone", n.Gone), fmt.Sprintf("%d dead", n.Dead)}
		if n.Unchanged > 0 {
			ended = append(ended, fmt.Sprintf("%d unchanged", n.Unchanged))
		}
		problems = append(problems, fmt.Sprintf("%s listed, but %s", words.Plural(n.Listed, "conversation"), words.List(ended)))
	}
	return problems
}

// identities reads the ids of a window's conversations: each has to end once, as a row, a tombstone or a dead letter. Only those that the
// record says were kept have a row beside a tombstone or a dead letter.
func (v *Verified) identities(ctx context.Context, l *lake.Lake, r ledger.Record) (problems []string, err error) {
	if !r.Shard.Stream.HasConversations() {
		return nil, nil
	}
	ends, gone, problem, err := endsOf(ctx, l, r)
	if err != nil {
		return nil, err
	}
	if problem != "" {
		return []string{problem}, nil
	}
	if v.seen == nil {
		v.seen = newSightings()
	}
	if r.Shard.Stream.IsByCreation() { // a conversation changes in many windows
		v.seen.add(r, ends)
	}
	if gone != r.Counts.Gone {
		problems = append(problems, fmt.Sprintf("its files have %s of conversations, its counts say %d", words.Plural(gone, "tombstone"), r.Counts.Gone))
	}
	return append(problems, several(ends, r.Counts.Kept)...), nil
}

// isKept reports whether a conversation that ended in these tables has a row, and one tombstone or dead letter that says why it is the last.
func isKept(tables []string) bool {
	rows := slices.DeleteFunc(slices.Clone(tables), func(table string) bool { return table != schemas.Conversations.Table })
	return len(tables) == 2 && len(rows) == 1
}

// endsOf reads in which tables the conversations of a window are, and how many of them are gone. The problem is one of a file that
// cannot be read.
func endsOf(ctx context.Context, l *lake.Lake, r ledger.Record) (ends map[string][]string, gone int64, problem string, err error) {
	ends = map[string][]string{}
	for _, f := range r.Files {
		columns := []string{"conversation_id"}
		switch f.Table {
		case schemas.Conversations.Table, schemas.DeadLetters.Table:
		case schemas.Tombstones.Table:
			columns = append(columns, "message_id")
		default:
			continue
		}
		problem, err := l.Scan(ctx, f, lake.Query{Columns: columns}, func(row lake.Row) {
			if f.Table == schemas.Tombstones.Table {
				if !row.Cells[1].Null {
					return // of a message
				}
				gone++
			}
			ends[row.Cells[0].Text] = append(ends[row.Cells[0].Text], f.Table)
		})
		if err != nil {
			return nil, 0, "", err
		}
		if problem != "" {
			return nil, 0, f.Key + ": " + problem, nil
		}
	}
	return ends, gone, "", nil
}

// severalNamed is how many conversations are named in one line.
const severalNamed = 3

// several names the conversations that ended more than once, apart from those that were kept, if there are as many as the counts say.
func several(ends map[string][]string, kept int64) []string {
	var ids, last []string
	for id, tables := range ends {
		switch {
		case isKept(tables):
			last = append(last, id)
		case len(tables) > 1:
			ids = append(ids, id)
		}
	}
	if int64(len(last)) != kept {
		ids = append(ids, last...)
	}
	if len(ids) == 0 && int64(len(last)) < kept {
		return []string{fmt.Sprintf("its counts say that %d of what is gone or dead have a row, and its files have none", kept)}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	var named []string
	for _, id := range ids[:min(len(ids), severalNamed)] {
		slices.Sort(ends[id])
		named = append(named, id+" (in "+words.List(ends[id])+")")
	}
	if more := len(ids) - len(named); more > 0 {
		named = append(named, fmt.Sprintf("%d more", more))
	}
	return []string{fmt.Sprintf("%s there more than once: %s", are(len(ids)), words.List(named))}
}

func are(n int) string {
	if n == 1 {
		return "1 conversation is"
	}
	return words.Plural(int64(n), "conversation") + " are"
}
