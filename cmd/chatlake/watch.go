package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/terminal"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// logEvery is how often an export is told of where there is no terminal.
const logEvery = time.Second

// connect reaches Temporal, to work in this process.
func (a *app) connect(ctx context.Context, c worker.Config, o worker.ConnectOptions) (*operate.Session, error) {
	if o.Logger == nil {
		o.Logger = a.logger(slog.LevelError + 4) // what matters of a worker's life is in progress and outcome
	}
	return operate.Connect(ctx, c, o)
}

// attend works on exports in this process, and shows them until each has ended or only people can go on.
func (a *app) attend(ctx context.Context, s *operate.Session, ins ...workflows.ExportInput) ([]operate.Attended, error) {
	shown := terminal.NewScreen(a.log, a.width, len(ins))
	var watchers []operate.Watcher
	for i, in := range ins {
		v := &view{screen: shown, pane: i, title: fmt.Sprintf("Exporting %s, %s", in.Account, words.Span(in.Range())), every: logEvery}
		if len(ins) > 1 {
			v.name = in.Account
		}
		watchers = append(watchers, v)
	}
	met := func(in workflows.ExportInput) { a.note("Resuming export %s.", in.Name) }
	return s.Attend(ctx, ins, met, watchers)
}
