package inspect

import (
	"context"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// Remappable is what a remap of a window would read.
type Remappable struct {
	Shard         string `json:"shard"`
	Generation    int    `json:"generation"`
	Writer        string `json:"writer"` // build that made the rows
	Conversations int64  `json:"conversations"`
	Documents     int64  `json:"documents"`
	Bytes         int64  `json:"bytes"` // of all files
}

// Remappable are the windows of the account that a remap of a range would read. Ends of the range that are zero are not asked for.
func (l *Lake) Remappable(ctx context.Context, within schemas.Window) ([]Remappable, error) {
	f := l.filter(within)
	f.Provider = l.config.Accounts[l.account].Provider
	records, err := l.lake.Current(ctx, f)
	if err != nil {
		return nil, err
	}
	all := []Remappable{}
	for _, r := range records {
		if !r.Shard.Stream.IsOwn() {
			all = append(all, remappable(r))
		}
	}
	return all, nil
}

func remappable(r ledger.Record) Remappable {
	one := Remappable{Shard: r.Shard.String(), Generation: r.Generation, Writer: r.Writer, Conversations: r.Counts.Conversations, Documents: r.Counts.Documents}
	for _, f := range r.Files {
		one.Bytes += f.Bytes
	}
	return one
}
