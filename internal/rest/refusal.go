package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// ErrNotFromAPI means that a 404 or 410 does not count: its body is not JSON, so a proxy may have sent it. It must not turn a
// conversation into a tombstone.
var ErrNotFromAPI = errors.New("the answer does not come from the API but from something in front of it")

// Refusal returns the error for the status of an answer, as far as it means the same on every platform. The caller decides which
// statuses are successes, and adds the platform's own reasons.
func Refusal(op string, answer Response) *providers.Error {
	e := &providers.Error{Kind: providers.Malformed, Op: op, Status: answer.Status, After: answer.After}
	switch status := answer.Status; {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.Kind = providers.Denied
	case IsGone(status) && json.Valid(answer.Body):
		e.Kind = providers.NotFound
	case IsGone(status):
		e.Kind, e.Err = providers.Transient, ErrNotFromAPI
	case status == http.StatusTooManyRequests:
		e.Kind = providers.Throttled
	case status >= http.StatusInternalServerError || status == http.StatusRequestTimeout:
		e.Kind = providers.Transient
	}
	return e
}

// Reason gives the words of a platform's refusal a text of our own. The platform's own text never leaves a provider, because it
// may quote a conversation or a secret.
type Reason struct {
	Words string // in lower case
	Err   error
}

// FindReason returns the error of the first reason whose words occur in text, in any case, or nil.
func FindReason(text []byte, reasons []Reason) error {
	text = bytes.ToLower(text)
	for _, r := range reasons {
		if bytes.Contains(text, []byte(r.Words)) {
			return r.Err
		}
	}
	return nil
}

// IsGone reports whether a status says that something does not exist: 404 or 410.
func IsGone(status int) bool { return status == http.StatusNotFound || status == http.StatusGone }

// Gone reports whether err means that the platform itself answered that something does not exist. See ErrNotFromAPI.
func Gone(err error) bool {
	var e *providers.Error
	return errors.As(err, &e) && e.Kind == providers.NotFound
}

// StatusOf returns the HTTP status of an error, 0 if there was no answer.
func StatusOf(err error) int {
	var e *providers.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// Malformed returns an error about an answer or a document that cannot be read.
func Malformed(op string, err error) error {
	return &providers.Error{Kind: providers.Malformed, Op: op, Err: err}
}

// Document turns an answer into a document of the conversation id; id is empty if it belongs to none. If the status is not 200,
// the document has no body.
func Document(kind, id string, answer Response) schemas.Document {
	doc := schemas.Document{Kind: kind, ConversationID: id, Status: int64(answer.Status), ObservedAt: answer.ObservedAt}
	if answer.Status == http.StatusOK {
		doc.Body = slices.Clip(answer.Body)
	}
	return doc
}
