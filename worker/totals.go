package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Totals asks a platform how many conversations each window has now, within the account's rate limit.
type Totals struct {
	counter providers.Counter
	meter   *providers.Meter
}

// How often to ask a busy platform, and how long at most to wait each time.
const (
	totalAttempts    = 5
	longestTotalWait = 5 * time.Minute
)

// Totals returns the Totals of an account, or nil if its platform cannot count.
func (c Config) Totals(account string) (*Totals, error) {
	_, provider, err := c.Open(account)
	if err != nil {
		return nil, err
	}
	counter, ok := provider.(providers.Counter)
	if !ok {
		return nil, nil
	}
	return &Totals{counter, providers.NewMeter(providers.Lease{})}, nil
}

// Count is the number of conversations that the platform reports for a window.
func (t *Totals) Count(ctx context.Context, w schemas.Window) (int64, error) {
	for attempt := 1; ; attempt++ {
		n, err := t.counter.Count(providers.WithMeter(ctx, t.meter), w)
		var busy *providers.Error
		again := errors.As(err, &busy) && (busy.Kind == providers.Throttled || busy.Kind == providers.Transient)
		if !again || attempt == totalAttempts || busy.After > longestTotalWait {
			if err != nil {
				err = fmt.Errorf("count the conversations of %s: %w", w, err)
			}
			return n, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(max(busy.After, time.Duration(attempt)*time.Second)):
		}
	}
}

// Requests returns the number of requests made so far.
func (t *Totals) Requests() int64 { return t.meter.Requests() }
