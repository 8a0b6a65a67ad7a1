package worker

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Estimate is what an export would cost.
type Estimate struct {
	Account  string `json:"account"`
	Provider string `json:"provider"`
	schemas.Window
	Windows           int      `json:"windows"`
	Conversations     *int64   `json:"conversations"` // nil if the platform cannot count them
	Requests          *int64   `json:"requests"`
	RequestsPerSecond float64  `json:"requests_per_second"` // 0 means no limit
	Seconds           *float64 `json:"seconds"`             // nil if unknown
	Rations           []Ration `json:"rations,omitempty"`
	// KeptFrom is the start of the platform's retention, if the range begins before it. See Config.KeptFrom.
	KeptFrom *time.Time `json:"kept_from,omitempty"`
}

// Ration is how much an export takes from one quota.
type Ration struct {
	Quota   string  `json:"quota"`
	Uses    int     `json:"uses"`
	Seconds float64 `json:"seconds"` // from the first use to the last
}

// refsPerListing is the minimum number of conversations that one list request returns; platforms return 20 to 100.
const refsPerListing = 20

// Plan estimates what an export of an account over a range would cost, split into windows of a month, a week or a day; an empty cut
// means the configured one. It checks the credentials, asks the platform for at most one count per window, and writes nothing. If the
// configuration is at fault, the error is a Problem.
func (c Config) Plan(ctx context.Context, account string, whole schemas.Window, cut string) (Estimate, error) {
	e := Estimate{Account: account, Window: whole, RequestsPerSecond: c.Accounts[account].RequestsPerSecond}
	definition, _ := definition(c.Accounts[account].Provider)
	provider, err := c.openProbed(ctx, account)
	if err != nil {
		return e, err
	}
	e.Provider = definition.Name
	e.KeptFrom = c.KeptFrom(account, whole.From, time.Now())
	windows := whole.Cut(cmp.Or(cut, c.Export.Window))
	e.Windows = len(windows)
	if rationed, ok := provider.(providers.Rationed); ok {
		e.Rations = rationsOf(rationed, windows)
	}
	counter, ok := provider.(providers.Counter)
	if !ok {
		return e, nil
	}
	total, requests, err := requestsOf(ctx, definition, counter, windows)
	if err != nil {
		return e, err
	}
	e.Conversations, e.Requests = &total, &requests
	if e.RequestsPerSecond > 0 {
		if mean := c.Accounts[account].Schedule.Mean(time.Now()); mean > 0 {
			seconds := float64(requests) / e.RequestsPerSecond / mean
			e.Seconds = &seconds
		}
	}
	return e, nil
}

// requestsOf counts the conversations of all windows and estimates the number of requests of their export.
func requestsOf(ctx context.Context, d providers.Definition, counter providers.Counter, windows []schemas.Window) (total, requests int64, err error) {
	sum := d.ExportRequests
	listing := cmp.Or(d.ListRequests, 1.0/refsPerListing)
	for _, w := range windows {
		n, err := counter.Count(ctx, w)
		if err != nil {
			return 0, 0, fmt.Errorf("count the conversations of %s: %w", w, err)
		}
		total += n
		sum += max(1, d.WindowRequests) + math.Ceil(float64(n)*d.MessageRequests) + float64(n)*d.MetadataRequests + math.Floor(float64(n)*listing)
	}
	return total, int64(sum), nil
}

// KeptFrom returns the time from which the account's platform is certain to have all conversations, or nil if a range that begins
// at from needs nothing older. The platform deletes older conversations, and its lists and counts do not show that.
func (c Config) KeptFrom(account string, from, now time.Time) *time.Time {
	d, _ := definition(c.Accounts[account].Provider)
	kept := now.UTC().AddDate(0, -d.RetentionMonths, 0).Truncate(24 * time.Hour)
	if d.RetentionMonths == 0 || !from.Before(kept) {
		return nil
	}
	return &kept
}

// rationsOf sums the uses of each quota over all windows.
func rationsOf(p providers.Rationed, windows []schemas.Window) []Ration {
	var all []providers.Ration
	for _, w := range windows {
	next:
		for _, r := range p.Rations(w) {
			for i := range all {
				if all[i].Quota.Name == r.Quota.Name {
					all[i].Uses += r.Uses
					continue next
				}
			}
			all = append(all, r)
		}
	}
	var rations []Ration
	for _, r := range all {
		rations = append(rations, Ration{r.Quota.Name, r.Uses, r.Quota.Span(r.Uses).Seconds()})
	}
	return rations
}
