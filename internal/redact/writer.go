package redact

import "io"

// A Writer passes on what is written to it, without what is certainly a secret. It keeps its first error: what follows is not written.
type Writer struct {
	to  io.Writer
	err error
}

// NewWriter makes a Writer that passes on to another.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Write writes p by the rules of Mask.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err == nil {
		_, w.err = io.WriteString(w.to, Mask(string(p)))
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// Err is the first error; nil if all that was written has arrived.
func (w *Writer) Err() error { return w.err }
