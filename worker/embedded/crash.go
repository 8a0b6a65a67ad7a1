//go:build !noembedded

package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"go.temporal.io/server/common/log/tag"
)

// crash is the server's logger. It passes messages on to a log, except a fatal one, which would end the process; with crash it only fails
// the server.
type crash struct {
	log      *slog.Logger
	stopping atomic.Bool // what fails from now on fails because the server ends
	once     sync.Once
	done     chan struct{}
	err      error // readable after done
}

// newCrash returns a logger. Without a log, messages are dropped.
func newCrash(log *slog.Logger) *crash {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &crash{log: log, done: make(chan struct{})}
}

func (c *crash) Debug(message string, tags ...tag.Tag)  { c.say(slog.LevelDebug, message, tags) }
func (c *crash) Info(message string, tags ...tag.Tag)   { c.say(slog.LevelInfo, message, tags) }
func (c *crash) Warn(message string, tags ...tag.Tag)   { c.say(slog.LevelWarn, message, tags) }
func (c *crash) Error(message string, tags ...tag.Tag)  { c.say(slog.LevelError, message, tags) }
func (c *crash) DPanic(message string, tags ...tag.Tag) { c.say(slog.LevelError, message, tags) }

func (c *crash) say(level slog.Level, message string, tags []tag.Tag) {
	if c.stopping.Load() || !c.log.Enabled(context.Background(), level) {
		return
	}
	attributes := make([]slog.Attr, 0, len(tags))
	for _, t := range tags {
		attributes = append(attributes, slog.Any(t.Key(), t.Value()))
	}
	c.log.LogAttrs(context.Background(), level, message, attributes...)
}

// Panic is also used when the server cannot continue.
func (c *crash) Panic(message string, tags ...tag.Tag) { c.Fatal(message, tags...) }

// Fatal does not return, because callers rely on that. Nor does it end the goroutine, because a sync.Once up the stack would turn
// that into a panic.
func (c *crash) Fatal(message string, tags ...tag.Tag) {
	c.fail(message, tags)
	select {}
}

func (c *crash) fail(message string, tags []tag.Tag) {
	c.once.Do(func() {
		defer close(c.done)
		for _, t := range tags {
			if zap, ok := t.(tag.ZapTag); ok {
				if cause, ok := zap.Field().Interface.(error); ok {
					c.err = fmt.Errorf("%s: %w", message, cause)
					return
				}
			}
		}
		c.err = errors.New(message)
	})
}
