package main

import (
	"fmt"
	"io"

	"github.com/chatlake/chatlake/internal/redact"
)

// sink is where a command writes to. Nothing passes that is certainly a secret, and no failure to write is forgotten: what
// did not arrive is no result.
type sink struct {
	to  io.Writer
	err error // the first
}

func (s *sink) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if _, s.err = io.WriteString(s.to, redact.Mask(string(p))); s.err != nil {
		return 0, s.err
	}
	return len(p), nil
}

// lost is an error where output did not arrive.
func (s *sink) lost() error {
	if s.err == nil {
		return nil
	}
	return &outcome{status: exitFailed, text: fmt.Sprintf("chatlake: write the output: %v", redact.Error(s.err))}
}
