package liveperson

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
)

// Why something is refused, in our words: the server's own are never passed on.
var (
	errKey       = errors.New("the credentials are not accepted; check them, and that they may read conversations (data permission for messaging interactions)")
	errRenewed   = errors.New("a token that was made a moment ago is not accepted; check that the credentials may read conversations")
	errForbidden = errors.New("the credentials may not do this; give them the permission to read conversations")
	errLegal     = errors.New("the platform refuses for legal reasons")
	errSource    = error(&providers.Setting{Key: "options.source", Reason: "the platform does not take it"})
	errInterval  = errors.New("the platform refuses the window as too long")
	errOffset    = errors.New("the platform gives out no pages at this offset")
	errSearch    = errors.New("the search engine behind the platform failed (internal code 0007)")
	errRuntime   = errors.New("the platform failed (internal code 0008)")
)

// refusal is the error that an answer's status stands for, nil for 200 and 204.
// "Retry policy recommendations"; the codes are those of "Conversations", Messaging Interactions API.
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

// badRequest tells by the first word of each cause what was wrong with a request. The bodies of this API's errors are not
// documented; those of its sibling, the Agent Activity API, name the parameter before a colon.
func badRequest(body []byte) error {
	return rest.FindReason(body, []rest.Reason{{Words: "offset", Err: errOffset}, {Words: "result window", Err: errOffset}, {Words: "interval", Err: errInterval}, {Words: "source", Err: errSource}})
}

// internal tells the two failures with a code apart.
func internal(body []byte) error {
	var said struct {
		Code any `json:"internalCode"`
	}
	if json.Unmarshal(body, &said) != nil {
		return nil
	}
	switch said.Code {
	case "0007", 7.0:
		return errSearch
	case "0008", 8.0:
		return errRuntime
	}
	return nil
}
