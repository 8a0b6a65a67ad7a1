package rest

import "net/http"

// At returns a client for another host of the same account. It is pinned to that host, and shares the budget, pauses,
// connections and limits of c. sign adds the credentials that this host may see; nil adds none.
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
