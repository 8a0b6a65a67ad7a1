package main

import (
	"log/slog"
	"strings"
	"testing"
)

func TestLevelAndFormOfTheLog(t *testing.T) {
	for _, test := range []struct {
		level, form string
		own, sdk    slog.Level // the lowest that is logged
		server      slog.Level
		begins      string
	}{
		{"info", "json", slog.LevelInfo, slog.LevelWarn, slog.LevelError, "{"},
		{"debug", "text", slog.LevelDebug, slog.LevelDebug, slog.LevelDebug, "time="},
		{"warn", "text", slog.LevelWarn, slog.LevelWarn, slog.LevelError, "time="},
		{"error", "json", slog.LevelError, slog.LevelError, slog.LevelError, "{"},
	} {
		log := &watched{}
		own, sdk, server, err := (&app{log: log}).loggers(logging{level: test.level, form: test.form})
		if err != nil {
			t.Fatal(err)
		}
		for logger, lowest := range map[*slog.Logger]slog.Level{own: test.own, sdk: test.sdk, server: test.server} {
			if !logger.Enabled(t.Context(), lowest) || logger.Enabled(t.Context(), lowest-1) {
				t.Errorf("--log-level %s: %v is not the lowest level", test.level, lowest)
			}
		}
		own.Error("message", "at", "https://user:secret@host")
		if strings.Contains(log.String(), "secret") {
			t.Errorf("--log-format %s shows a secret: %s", test.form, log.String())
		}
		if !strings.HasPrefix(log.String(), test.begins) {
			t.Errorf("--log-format %s: %s", test.form, log.String())
		}
	}
}
