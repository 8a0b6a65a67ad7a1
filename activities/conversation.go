package activities

import (
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// conversation is one listed conversation with all its documents.
type conversation struct {
	ref                      providers.Ref
	listed, messages, others []schemas.Document
	dead                     *DeadRef
	hasRows                  bool // the lake has rows of it, which these replace
	reused                   bool // its documents come from the lake
	// kept are the documents of the last version of a conversation that is gone or dead.
	kept []schemas.Document
	// earlier are the documents that the lake had of a conversation that was read again, of which some are kept.
	earlier []schemas.Document
	// had is what the lake had of it when header was staged; nil if nothing.
	header *pageHeader
	had    *inLake
}

func (c conversation) documents() []schemas.Document {
	all := make([]schemas.Document, 0, len(c.kept)+len(c.listed)+len(c.messages)+len(c.others))
	return append(append(append(append(all, c.kept...), c.listed...), c.messages...), c.others...)
}

// mapped returns the documents to turn into rows. There are none for a conversation that has no rows.
func (c conversation) mapped() []schemas.Document {
	switch {
	case len(c.kept) > 0:
		return c.kept
	case c.dead != nil || c.gone():
		return nil
	}
	return c.documents()
}

// gone reports whether the provider answered that the conversation does not exist.
func (c conversation) gone() bool { return isGone(c.messages) }

// observedAt is when the conversation was last read.
func (c conversation) observedAt() (at time.Time) {
	for _, doc := range c.documents() {
		if doc.ObservedAt.After(at) {
			at = doc.ObservedAt
		}
	}
	return at
}

// size is the number of bytes in the documents.
func (c conversation) size() (n int64) {
	for _, docs := range [][]schemas.Document{c.kept, c.listed, c.messages, c.others, c.earlier} {
		for _, doc := range docs {
			n += int64(len(doc.Body))
		}
	}
	return n
}
