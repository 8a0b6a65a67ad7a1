package activities

import (
	"context"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// CloseExportInput asks for the manifest of an export.
type CloseExportInput struct {
	Provider string `json:"provider"`
	Account  string `json:"account"`
	Name     string `json:"name"`
	schemas.Window
	Visibility string `json:"visibility"`
	// Streams are the streams whose shards must cover the range.
	Streams []schemas.Stream `json:"streams"`
}

// CloseExportOutput names the manifest.
type CloseExportOutput struct {
	Manifest string `json:"manifest"`
	// Gaps are the parts of the range that no committed shard covers.
	Gaps []schemas.Window `json:"gaps,omitempty"`
	// Accepted are those that no shard covers either, and that a person has accepted.
	Accepted []schemas.Window `json:"accepted,omitempty"`
	// Lost are the parts of the range that the platform may have deleted before the lake had them, and that no person has accepted. They
	// are not among the gaps.
	Lost []Loss `json:"lost,omitempty"`
}

// Loss is a part of a stream that was lost to the platform's retention.
type Loss = ledger.Loss

// manifest lists what the ledger has for the range of an export.
type manifest struct {
	Provider string `json:"provider,omitempty"`
	Account  string `json:"account"`
	Name     string `json:"name"`
	schemas.Window
	Visibility string           `json:"visibility"`
	Gaps       []schemas.Window `json:"gaps,omitempty"`
	Accepted   []schemas.Window `json:"accepted,omitempty"`
	Lost       []Loss           `json:"lost,omitempty"`
	Shards     []manifestShard  `json:"shards"`
}

type manifestShard struct {
	Shard      string        `json:"shard"`
	Generation int           `json:"generation"`
	Digest     string        `json:"digest"`
	Counts     ledger.Counts `json:"counts"`
	Flags      []string      `json:"flags,omitempty"`
}

// CloseExport reads the ledger for the export's range, looks for gaps, and writes the manifest once.
func (a *Activities) CloseExport(ctx context.Context, in CloseExportInput) (CloseExportOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	out, err := a.closeExport(ctx, in)
	return out, a.classify(ctx, err)
}

func (a *Activities) closeExport(ctx context.Context, in CloseExportInput) (CloseExportOutput, error) {
	m := manifest{Provider: in.Provider, Account: in.Account, Name: in.Name, Window: in.Window, Visibility: in.Visibility}
	streams := in.Streams
	if len(streams) == 0 {
		streams = []schemas.Stream{schemas.StreamCreated} // started by a build that had only this stream
	}
	account, err := a.Account(ctx, in.Account)
	if err != nil {
		return CloseExportOutput{}, err
	}
	accepted, err := a.Lake.Accepted(ctx, in.Account)
	if err != nil {
		return CloseExportOutput{}, err
	}
	for _, stream := range streams {
		filter := ledger.Filter{Provider: in.Provider, Account: in.Account, Stream: stream, Window: in.Window}
		records, err := a.Lake.Current(ctx, filter)
		if err != nil {
			return CloseExportOutput{}, err
		}
		losses, err := a.Lake.Losses(ctx, filter, records, account.Retention[stream], a.Lake.Now())
		if err != nil {
			return CloseExportOutput{}, err
		}
		open := ledger.Unaccepted(losses, in.Account, accepted)
		m.Lost = append(m.Lost, open...)
		var lost []schemas.Window
		for _, loss := range open {
			lost = append(lost, loss.Window)
		}
		var windows []schemas.Window
		for _, r := range records {
			windows = append(windows, r.Shard.Window)
			m.Shards = append(m.Shards, manifestShard{r.Shard.String(), r.Generation, r.Digest, r.Counts, r.Flags})
		}
		for _, gap := range in.Without(windows) {
			open := gap.Without(ledger.AcceptedWindows(accepted, in.Account, stream))
			m.Accepted = append(m.Accepted, gap.Without(open)...)
			for _, w := range open {
				m.Gaps = append(m.Gaps, w.Without(lost)...)
			}
		}
	}
	key, err := a.Lake.PutManifest(ctx, in.Account, in.Name, m)
	return CloseExportOutput{Manifest: key, Gaps: m.Gaps, Accepted: m.Accepted, Lost: m.Lost}, err
}
