package operate

import (
	"context"

	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// A Span is a range of the ledger, and the size of the windows that it is cut into.
type Span struct {
	Range  schemas.Window
	Window string // month, week or day
}

// Rebuilt is what a Rebuild did.
type Rebuilt struct {
	Exports []Resumed `json:"exports"`
	Adopted int       `json:"adopted"` // windows
	Copied  int       `json:"copied"`  // windows that were copied again
}

// Resumed is an export over windows of the ledger.
type Resumed struct {
	Name   string                 `json:"name"`
	Window string                 `json:"window"`
	Again  bool                   `json:"again,omitempty"` // it copied the windows instead of adopting them
	Result workflows.ExportOutput `json:"result"`
}

// Rebuild runs exports of an account over ranges of the ledger, one after the other: first those that adopt what is committed, without a
// request to the platform, and then those that copy it again. For each it asks for a watcher; met is true if the export was running
// already. What was done is returned also with an error.
func (s *Session) Rebuild(ctx context.Context, account string, adopt, again []Span, watch func(in workflows.ExportInput, met bool) Watcher) (Rebuilt, error) {
	done := Rebuilt{Exports: []Resumed{}}
	for _, span := range adopt {
		if err := s.resume(ctx, account, span, true, watch, &done); err != nil {
			return done, err
		}
	}
	if len(again) == 0 {
		return done, nil
	}
	if err := worker.Check(ctx, s.config, account); err != nil {
		return done, err
	}
	for _, span := range again {
		if err := s.resume(ctx, account, span, false, watch, &done); err != nil {
			return done, err
		}
	}
	return done, nil
}

// resume runs one export and adds what it did.
func (s *Session) resume(ctx context.Context, account string, span Span, adopt bool, watch func(workflows.ExportInput, bool) Watcher, done *Rebuilt) error {
	in := workflows.ExportInput{
		Account: account, Name: words.Range(span.Range), From: span.Range.From, To: span.Range.To,
		Window: span.Window, Adopt: adopt,
	}
	run, err := s.Start(ctx, in)
	if err == nil && run.Met {
		err = s.SameRange(ctx, in)
	}
	if err != nil {
		return err
	}
	out, err := s.Follow(ctx, run, watch(in, run.Met))
	if err != nil {
		return err
	}
	done.Adopted += out.Totals.Adopted
	done.Copied += out.Totals.Shards
	done.Exports = append(done.Exports, Resumed{in.Name, span.Window, !adopt, out})
	return nil
}
