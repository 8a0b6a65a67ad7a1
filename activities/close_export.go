package activities

import (
	"context"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// CloseExportInput asks for the roll-up of an export.
type CloseExportInput struct {
	Provider   string    `json:"provider"`
	Account    string    `json:"account"`
	Name       string    `json:"name"`
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	Visibility string    `json:"visibility"`
	// Streams are those whose shards have to cover the range.
	Streams []schemas.Stream `json:"streams"`
}

// Range is that of the export.
func (in CloseExportInput) Range() schemas.Window { return schemas.Window{From: in.From, To: in.To} }

// CloseExportOutput names the roll-up.
type CloseExportOutput struct {
	Manifest string `json:"manifest"`
	// Gaps is how much of the range no committed shard covers.
	Gaps []schemas.Window `json:"gaps,omitempty"`
}

// manifest is the roll-up of an export: what the ledger says of its range.
type manifest struct {
	Provider   string           `json:"provider,omitempty"`
	Account    string           `json:"account"`
	Name       string           `json:"name"`
	From       time.Time        `json:"from"`
	To         time.Time        `json:"to"`
	Visibility string           `json:"visibility"`
	Gaps       []schemas.Window `json:"gaps,omitempty"`
	Shards     []manifestShard  `json:"shards"`
}

type manifestShard struct {
	Shard      string        `json:"shard"`
	Generation int           `json:"generation"`
	Digest     string        `json:"digest"`
	Counts     ledger.Counts `json:"counts"`
	Flags      []string      `json:"flags,omitempty"`
}

// CloseExport reads the ledger of the export's range, looks for gaps, and writes the roll-up once.
func (a *Activities) CloseExport(ctx context.Context, in CloseExportInput) (CloseExportOutput, error) {
	ctx, stop := alive(ctx)
	defer stop()
	out, err := a.closeExport(ctx, in)
	return out, a.classify(ctx, err)
}

func (a *Activities) closeExport(ctx context.Context, in CloseExportInput) (CloseExportOutput, error) {
	roll := manifest{Provider: in.Provider, Account: in.Account, Name: in.Name, From: in.From, To: in.To, Visibility: in.Visibility}
	streams := in.Streams
	if len(streams) == 0 {
		streams = []schemas.Stream{schemas.StreamCreated} // of an export that was begun before there were more
	}
	for _, stream := range streams {
		records, err := a.Lake.Current(ctx, ledger.Filter{
			Provider: in.Provider, Account: in.Account, Stream: stream, Window: in.Range(),
		})
		if err != nil {
			return CloseExportOutput{}, err
		}
		var windows []schemas.Window
		for _, r := range records {
			windows = append(windows, r.Shard.Window)
			roll.Shards = append(roll.Shards, manifestShard{r.Shard.String(), r.Generation, r.Digest, r.Counts, r.Flags})
		}
		roll.Gaps = append(roll.Gaps, in.Range().Without(windows)...)
	}
	key, err := a.Lake.PutManifest(ctx, in.Account, in.Name, roll)
	return CloseExportOutput{Manifest: key, Gaps: roll.Gaps}, err
}
