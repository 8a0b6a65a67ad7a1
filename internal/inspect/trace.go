package inspect

import (
	"context"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// A Trace is what one shard has of a conversation.
type Trace struct {
	Shard       string         `json:"shard"`
	Account     string         `json:"account"`
	Stream      schemas.Stream `json:"stream"`
	Window      schemas.Window `json:"window"`
	Generation  int            `json:"generation"`
	CommittedAt time.Time      `json:"committed_at"`
	State       string         `json:"state,omitempty"` // whole, dead or gone; empty for rows without their conversation
	Documents   []Answer       `json:"documents"`
	Places      []Place        `json:"rows"`
	Dead        *DeadLetter    `json:"dead_letter,omitempty"`
	Gone        string         `json:"gone,omitempty"` // the tombstone's reason
	version     *int64         // the platform's version of the conversation
	observed    int64          // when it was read, in microseconds
	damaged     []Finding
}

// An Answer is a document: what the platform answered to a request for the conversation, or a part of it.
type Answer struct {
	Kind      string    `json:"kind"`
	Sequence  int64     `json:"sequence"`
	Status    int64     `json:"status"`
	FetchedAt time.Time `json:"fetched_at"`
}

// A Place is where rows of a conversation stand. A row group counts from 0.
type Place struct {
	Table    string `json:"table"`
	File     string `json:"file"`
	RowGroup int    `json:"row_group"`
	Rows     int64  `json:"rows"`
}

// A DeadLetter is why a conversation could not be copied.
type DeadLetter struct {
	Step     string `json:"step"`
	Kind     string `json:"kind"`
	Detail   string `json:"detail"`
	Attempts int64  `json:"attempts"`
}

// telling are the columns that are read of the tables that tell of a conversation; of the others only ids are.
var telling = map[string][]string{
	schemas.Conversations.Table: {"conversation_id", "source_version", "observed_at"},
	schemas.Documents.Table:     {"conversation_id", "kind", "sequence", "status", "observed_at"},
	schemas.DeadLetters.Table:   {"conversation_id", "step", "error_kind", "detail", "attempts"},
	schemas.Tombstones.Table:    {"conversation_id", "message_id", "reason"},
}

// traceIn looks for a conversation in the files of one commit record. Of a shard of conversations the large tables are
// searched only when the others know it.
func traceIn(ctx context.Context, l *lake.Lake, r ledger.Record, id string) (Trace, error) {
	t := Trace{
		Shard: r.Shard.String(), Account: r.Shard.Account, Stream: r.Shard.Stream, Window: r.Shard.Window,
		Generation: r.Generation, CommittedAt: r.CommittedAt, Documents: []Answer{}, Places: []Place{},
	}
	var rest []ledger.File
	for _, f := range r.Files {
		if telling[f.Table] == nil {
			rest = append(rest, f)
		} else if err := t.look(ctx, l, f, telling[f.Table], id); err != nil {
			return t, err
		}
	}
	if len(t.Places) == 0 && r.Shard.Stream.HasConversations() {
		return t, nil
	}
	for _, f := range rest {
		if !slices.ContainsFunc(columnsOf(f.Table), func(n schemas.Node) bool { return n.Name == "conversation_id" }) {
			continue
		}
		if err := t.look(ctx, l, f, []string{"conversation_id"}, id); err != nil {
			return t, err
		}
	}
	return t, nil
}

func columnsOf(table string) []schemas.Node {
	for _, shape := range schemas.Shapes() {
		if shape.Table == table {
			return shape.Columns
		}
	}
	return nil
}

// look searches one file. One that cannot be read is noted, and the search goes on.
func (t *Trace) look(ctx context.Context, l *lake.Lake, f ledger.File, columns []string, id string) error {
	problem, err := l.Scan(ctx, f, lake.Query{Columns: columns, Value: &id}, func(row lake.Row) {
		last := len(t.Places) - 1
		if last < 0 || t.Places[last].File != f.Key || t.Places[last].RowGroup != row.Group {
			t.Places = append(t.Places, Place{Table: f.Table, File: f.Key, RowGroup: row.Group})
			last++
		}
		t.Places[last].Rows++
		t.tell(f.Table, row.Cells)
	})
	if problem != "" {
		t.damaged = append(t.damaged, Finding{Key: f.Key, Problem: problem})
	}
	return err
}

// tell takes from a row of a telling table what it says.
func (t *Trace) tell(table string, cells []lake.Cell) {
	switch table {
	case schemas.Conversations.Table:
		t.State, t.observed = StateWhole, cells[2].Integer
		if !cells[1].Null {
			t.version = new(cells[1].Integer)
		}
	case schemas.Documents.Table:
		t.Documents = append(t.Documents, Answer{cells[1].Text, cells[2].Integer, cells[3].Integer, time.UnixMicro(cells[4].Integer).UTC()})
	case schemas.DeadLetters.Table:
		t.end(StateDead)
		t.Dead = &DeadLetter{cells[1].Text, cells[2].Text, cells[3].Text, cells[4].Integer}
	case schemas.Tombstones.Table:
		if cells[1].Null { // the others are of its messages
			t.end(StateGone)
			t.Gone = cells[2].Text
		}
	}
}

// end notes that a conversation is dead or gone. If its last version was kept, it is whole all the same.
func (t *Trace) end(state string) {
	if t.State != StateWhole {
		t.State = state
	}
}
