package rest

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// ErrForeign is why a 404 or 410 is not believed: its body is not JSON, so a proxy may have sent it. A conversation must not
// be given up for it.
var ErrForeign = errors.New("the answer does not come from the API but from something in front of it")

// Refusal is the error that the status of an answer stands for on every platform. The caller decides which statuses are
// successes, and adds what the platform says beyond the status.
func Refusal(op string, answer Response) *providers.Error {
	e := &providers.Error{Kind: providers.Malformed, Op: op, Status: answer.Status, After: answer.After}
	switch status := answer.Status; {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.Kind = providers.Denied
	case IsGone(status) && json.Valid(answer.Body):
		e.Kind = providers.NotFound
	case IsGone(status):
		e.Kind, e.Err = providers.Transient, ErrForeign
	case status == http.StatusTooManyRequests:
		e.Kind = providers.Throttled
	case status >= http.StatusInternalServerError || status == http.StatusRequestTimeout:
		e.Kind = providers.Transient
	}
	return e
}

// IsGone reports whether a status says that something does not exist: 404 or 410.
func IsGone(status int) bool { return status == http.StatusNotFound || status == http.StatusGone }

// Gone reports whether the platform itself said that what was asked for does not exist. See ErrForeign.
func Gone(err error) bool {
	var e *providers.Error
	return errors.As(err, &e) && e.Kind == providers.NotFound
}

// StatusOf is the HTTP status of an error, 0 where there was no answer.
func StatusOf(err error) int {
	var e *providers.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// Malformed is the error about an answer or a document that cannot be read.
func Malformed(op string, err error) error {
	return &providers.Error{Kind: providers.Malformed, Op: op, Err: err}
}

// Document is an answer as a document of a conversation; id is empty where it belongs to none. Of an answer other than 200
// only the status is kept.
func Document(kind, id string, answer Response) schemas.Document {
	doc := schemas.Document{Kind: kind, ConversationID: id, Status: int64(answer.Status), ObservedAt: answer.ObservedAt}
	if answer.Status == http.StatusOK {
		doc.Body = slices.Clip(answer.Body)
	}
	return doc
}
