package main

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/redact"
)

// levels are those that --log-level may say.
var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

// logging are the flags of commands that work: what they log, and in which form.
type logging struct{ level, form string }

func (f *logging) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.level, "log-level", "info", "lowest level that is logged: debug, info, warn or error; Temporal's SDK logs below warn, and the embedded server below error, only at debug")
	cmd.Flags().StringVar(&f.form, "log-format", "json", "format of the log: json or text")
}

// loggers are the worker's own, that of Temporal's SDK, which tells a lot below warnings, and that of the embedded server, whose warnings are
// nothing that a person can act on.
func (a *app) loggers(f logging) (own, sdk, server *slog.Logger, err error) {
	level, ok := levels[f.level]
	if !ok {
		return nil, nil, nil, usage("--log-level must be debug, info, warn or error, not %q", f.level)
	}
	quieter, quietest := level, level
	if level > slog.LevelDebug {
		quieter, quietest = max(level, slog.LevelWarn), slog.LevelError
	}
	switch f.form {
	case "json":
		return a.logger(level), a.logger(quieter), a.logger(quietest), nil
	case "text":
		text := func(level slog.Level) *slog.Logger {
			return slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: level, ReplaceAttr: redact.Attr}))
		}
		return text(level), text(quieter), text(quietest), nil
	}
	return nil, nil, nil, usage("--log-format must be json or text, not %q", f.form)
}
