//go:build !noembedded

package embedded

import (
	"errors"
	"fmt"
	"sync"

	"go.temporal.io/server/common/log/tag"
)

// crash is the server's logger. It drops all messages except a fatal one, which would end the process; with crash it only fails
// the server.
type crash struct {
	once sync.Once
	done chan struct{}
	err  error // readable after done
}

func newCrash() *crash { return &crash{done: make(chan struct{})} }

func (c *crash) Debug(string, ...tag.Tag)  {}
func (c *crash) Info(string, ...tag.Tag)   {}
func (c *crash) Warn(string, ...tag.Tag)   {}
func (c *crash) Error(string, ...tag.Tag)  {}
func (c *crash) DPanic(string, ...tag.Tag) {}

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
