package rest

import "net/http"

// At is a client for another host of the same account: it shares the budget, the pauses, the connections and all limits
// of c, and is pinned to its own host. sign adds the credentials that this host may see; nil adds none.
func (c *Client) At(baseURL string, sign func(*http.Request) error) (*Client, error) {
	base, err := parseBase(baseURL)
	if err != nil {
		return nil, err
	}
	other := *c
	other.base = base
	other.sign = sign
	if sign == nil {
		other.sign = unsigned
	}
	other.http = &http.Client{Transport: c.http.Transport, CheckRedirect: other.checkRedirect}
	return &other, nil
}

func unsigned(*http.Request) error { return nil }
