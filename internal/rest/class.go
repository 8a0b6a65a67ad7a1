package rest

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// Class is a group of endpoints with a stricter limit than the rest.
type Class struct {
	Quota providers.Quota
	// Suffixes are the endings of the endpoints' paths.
	Suffixes []string
}

// classes keeps requests within the quotas of their classes. A 429 from such an endpoint pauses its class, not the account.
type classes struct {
	all  []Class
	take func(context.Context, providers.Quota) error

	mu    sync.Mutex
	uses  map[string][]time.Time // by quota
	until map[string]time.Time   // pauses
}

// leastClassPause is the minimum pause of a class, because such limits are per minute.
const leastClassPause = time.Minute

func newClasses(all []Class, take func(context.Context, providers.Quota) error) *classes {
	return &classes{all: all, take: take, uses: map[string][]time.Time{}, until: map[string]time.Time{}}
}

func (c *classes) of(target *url.URL) *Class {
	for i := range c.all {
		for _, suffix := range c.all[i].Suffixes {
			if strings.HasSuffix("/"+target.Path, suffix) {
				return &c.all[i]
			}
		}
	}
	return nil
}

func (c *classes) contain(target *url.URL) bool { return c.of(target) != nil }

// wait returns when the class of an endpoint allows one more request. Errors are *providers.Error; if the wait would be longer than
// what is left of p, the kind is Throttled.
func (c *classes) wait(ctx context.Context, op string, target *url.URL, p *patience) error {
	class := c.of(target)
	if class == nil {
		return nil
	}
	for {
		after, err := c.free(ctx, class)
		if after == 0 || err != nil {
			return err
		}
		if err := p.wait(ctx, after, providers.AwaitPlatform, providers.MeterFrom(ctx)); err != nil {
			if ctx.Err() != nil {
				return &providers.Error{Kind: providers.Transient, Op: op, Err: context.Cause(ctx)}
			}
			return &providers.Error{Kind: providers.Throttled, Op: op, After: after, Err: err}
		}
	}
}

// free takes a use, or returns how long it takes until one is free.
func (c *classes) free(ctx context.Context, class *Class) (time.Duration, error) {
	name, now := class.Quota.Name, time.Now()
	c.mu.Lock()
	after := max(c.until[name].Sub(now), class.Quota.Free(c.uses[name], now))
	if after <= 0 {
		c.uses[name] = append(class.Quota.Recent(c.uses[name], now), now)
	}
	c.mu.Unlock()
	if after > 0 || c.take == nil {
		return max(0, after), nil
	}
	err := c.take(ctx, class.Quota)
	var refused *providers.Error
	if errors.As(err, &refused) && refused.Kind == providers.Throttled && refused.After > 0 {
		return refused.After, nil
	}
	return 0, err
}

// refused pauses the class of an endpoint that answered 429. It returns false if the endpoint has no class.
func (c *classes) refused(target *url.URL, after time.Duration) bool {
	class := c.of(target)
	if class == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until[class.Quota.Name] = time.Now().Add(min(max(after, leastClassPause), maxPause))
	return true
}
