package liveperson

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
)

// The services of an account that are used. Their names are case-sensitive.
const (
	serviceHistory   = "msgHist"
	serviceTokens    = "sentinel"
	serviceLogin     = "agentVep"
	serviceDirectory = "accountConfigReadOnly"
)

// hosts finds the host of each service once.
type hosts struct {
	domain  *rest.Client
	account string
	scheme  string // of the domain service, and therefore of all others
	sign    func(*http.Request) error

	taken chan struct{} // held while known is read or written
	known map[string]*rest.Client
}

var (
	errNoService = error(&providers.Setting{Key: "account_id", Reason: "the domain service does not know this account or its services; correct it, or base_url"})
	errHostForm  = errors.New("the domain service's response has no host name")
)

// of returns the client for a service.
func (h *hosts) of(ctx context.Context, service string) (*rest.Client, error) {
	op := "find the host of " + service
	select {
	case h.taken <- struct{}{}:
		defer func() { <-h.taken }()
	case <-ctx.Done():
		return nil, &providers.Error{Kind: providers.Transient, Op: op, Err: context.Cause(ctx)}
	}
	if client, ok := h.known[service]; ok {
		return client, nil
	}
	// "Retrieve a single domain", Domain API; it needs no credentials.
	answer, err := h.domain.Get(ctx, op, "/api/account/"+h.account+"/service/"+service+"/baseURI.json", url.Values{"version": {"1.0"}})
	if err != nil {
		return nil, err
	}
	if err := refusal(op, answer); err != nil {
		if answer.Status == http.StatusNotFound || answer.Status == http.StatusBadRequest {
			err = &providers.Error{Kind: providers.Denied, Op: op, Status: answer.Status, Err: errNoService}
		}
		return nil, err
	}
	name, err := hostOf(answer.Body, service)
	if err != nil {
		return nil, rest.Malformed(op, err)
	}
	client, err := h.domain.At(h.scheme+"://"+name, h.sign)
	if err != nil {
		return nil, rest.Malformed(op, errHostForm)
	}
	h.known[service] = client
	return client, nil
}

// hostOf reads the host of a service from a response for one service or for all. It must be a bare host name, optionally with a
// port.
func hostOf(body []byte, service string) (string, error) {
	type entry struct {
		Service string `json:"service"`
		BaseURI string `json:"baseURI"`
	}
	var sent struct {
		entry
		All []entry `json:"baseURIs"`
	}
	if json.Unmarshal(body, &sent) != nil {
		return "", errHostForm
	}
	for _, e := range append(sent.All, sent.entry) {
		name := strings.TrimSuffix(e.BaseURI, "/")
		if e.Service != service && e.Service != "" || name == "" {
			continue
		}
		u, err := url.Parse("//" + name)
		if err != nil || u.Host != name || u.Hostname() == "" || u.User != nil {
			return "", errHostForm
		}
		return name, nil
	}
	return "", errHostForm
}
