package worker

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// counting is a platform with one prepared answer per request.
type counting struct{ errors []error }

func (c *counting) Count(context.Context, schemas.Window) (int64, error) {
	if len(c.errors) == 0 {
		return 42, nil
	}
	err := c.errors[0]
	c.errors = c.errors[1:]
	return 0, err
}

func TestTotalsWaitForAPlatformThatIsBusy(t *testing.T) {
	busy := func(after time.Duration) error {
		return &providers.Error{Kind: providers.Throttled, Op: "count", After: after}
	}
	denied := &providers.Error{Kind: providers.Denied, Op: "count"}
	tests := map[string]struct {
		answers []error
		took    time.Duration
		fails   bool
	}{
		"at once":        {nil, 0, false},
		"after a while":  {[]error{busy(time.Minute), busy(0)}, time.Minute + 2*time.Second, false},
		"never":          {[]error{busy(0), busy(0), busy(0), busy(0), busy(0), busy(0)}, 10 * time.Second, true},
		"in hours":       {[]error{busy(time.Hour)}, 0, true},
		"not with these": {[]error{denied}, 0, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				totals := &Totals{&counting{test.answers}, providers.NewMeter(providers.Lease{})}
				n, err := totals.Count(t.Context(), schemas.Window{})
				if (err != nil) != test.fails || err == nil && n != 42 || time.Since(began) != test.took {
					t.Errorf("%d, error %v after %s; want an error %v after %s", n, err, time.Since(began), test.fails, test.took)
				}
			})
		})
	}
}
