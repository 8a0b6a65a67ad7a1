package liveperson

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
)

// Reasons for refusals, in our words. The server's own texts are never passed on.
var (
	errKey       = errors.New("the platform does not accept the credentials; check them, and that they may read conversations (data permission for messaging interactions)")
	errRenewed   = errors.New("the platform does not accept a new token; check that the credentials may read conversations")
	errForbidden = errors.New("the credentials lack permission; give them the permission to read conversations")
	errLegal     = errors.New("the platform refuses for legal reasons")
	errSource    = error(&providers.Setting{Key: "options.source", Reason: "the platform does not accept it"})
	errInterval  = errors.New("the platform refuses the window as too long")
	errOffset    = errors.New("the platform returns no pages at this offset")
	errSearch    = errors.New("the search engine behind the platform failed (internal code 0007)")
	errRuntime   = errors.New("the platform failed (internal code 0008)")
)

// refusal returns the error for a response's status, or nil for 200 and 204. "Retry policy recommendations"; the codes are those
// of "Conversations", Messaging Interactions API.
func refusal(op string, answer rest.Response) error {
	if answer.Status == http.StatusOK || answer.Status == http.StatusNoContent {
		return nil
	}
	e := rest.Refusal(op, answer)
	switch status := answer.Status; {
	case status == http.StatusUnauthorized:
		e.Err = errKey
	case status == http.StatusForbidden:
		e.Err = errForbidden
	case status == http.StatusUnavailableForLegalReasons:
		e.Kind, e.Err = providers.Denied, errLegal
	case status == http.StatusBadRequest:
		e.Err = badRequest(answer.Body)
	case status >= http.StatusInternalServerError || status == http.StatusRequestTimeout:
		e.Err = internal(answer.Body)
	}
	return e
}

// badRequest finds out what was wrong with a request from the first word of each cause. The error bodies of this API are not
// documented; those of its sibling, the Agent Activity API, name the parameter before a colon.
func badRequest(body []byte) error {
	return rest.FindReason(body, []rest.Reason{{Words: "offset", Err: errOffset}, {Words: "result window", Err: errOffset}, {Words: "interval", Err: errInterval}, {Words: "source", Err: errSource}})
}

// internal distinguishes the two failures that have a code.
func internal(body []byte) error {
	var sent struct {
		Code any `json:"internalCode"`
	}
	if json.Unmarshal(body, &sent) != nil {
		return nil
	}
	switch sent.Code {
	case "0007", 7.0:
		return errSearch
	case "0008", 8.0:
		return errRuntime
	}
	return nil
}
