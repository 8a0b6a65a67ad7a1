package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

func (a *app) planCommand() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use: "plan", Short: "Estimate what an export would cost; nothing is written", Args: cobra.NoArgs,
		Long: "Asks the platform how many conversations the range holds, where it can say that, and reckons windows, requests and time.\n" +
			"It writes nothing, and asks at most one count a window.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.plan(cmd.Context(), f) },
	}
	f.rangeFlags(cmd.Flags())
	return cmd
}

// estimate is what an export would cost.
type estimate struct {
	Account           string    `json:"account"`
	Provider          string    `json:"provider"`
	From              time.Time `json:"from"`
	To                time.Time `json:"to"`
	Windows           int       `json:"windows"`
	Conversations     *int64    `json:"conversations"` // nil where the platform cannot count them
	Requests          *int64    `json:"requests"`
	RequestsPerSecond float64   `json:"requests_per_second"` // 0 is no limit
	Seconds           *float64  `json:"seconds"`             // nil where there is nothing to go by
	Rations           []ration  `json:"rations,omitempty"`
}

// ration is what is taken from one quota.
type ration struct {
	Quota   string  `json:"quota"`
	Uses    int     `json:"uses"`
	Seconds float64 `json:"seconds"` // from the first use to the last
}

// refsPerListing is how many conversations a request of a list gives at least; platforms give 20 to 100.
const refsPerListing = 20

func (a *app) plan(ctx context.Context, f exportFlags) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	in, err := f.input(c, time.Now())
	if err != nil {
		return err
	}
	if err := c.Secrets(in.Account); err != nil {
		return err
	}
	e, err := estimateOf(ctx, c, in)
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(e)
	}
	return e.write(a.out)
}

func estimateOf(ctx context.Context, c worker.Config, in workflows.ExportInput) (estimate, error) {
	e := estimate{Account: in.Account, From: in.From, To: in.To, RequestsPerSecond: c.Accounts[in.Account].RequestsPerSecond}
	definition, provider, err := c.Open(in.Account)
	var problem worker.Problem
	if errors.As(err, &problem) {
		return e, problem
	}
	if err != nil {
		return e, err
	}
	e.Provider = definition.Name
	windows := schemas.Window{From: in.From, To: in.To}.Cut(cmp.Or(in.Window, c.Export.Window))
	e.Windows = len(windows)
	if rationed, ok := provider.(providers.Rationed); ok {
		e.Rations = rationsOf(rationed, windows)
	}
	counter, ok := provider.(providers.Counter)
	if !ok {
		return e, nil
	}
	var total int64
	for _, w := range windows {
		n, err := counter.Count(ctx, w)
		if err != nil {
			return e, fmt.Errorf("count the conversations of %s: %w", span(w), err)
		}
		total += n
	}
	requests := int64(float64(total)*(definition.MessageRequests+definition.MetadataRequests)) + total/refsPerListing + int64(len(windows))
	e.Conversations, e.Requests = &total, &requests
	if e.RequestsPerSecond > 0 {
		seconds := float64(requests) / e.RequestsPerSecond
		e.Seconds = &seconds
	}
	return e, nil
}

// rationsOf adds up what all windows take from each quota.
func rationsOf(p providers.Rationed, windows []schemas.Window) []ration {
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
	var rations []ration
	for _, r := range all {
		rations = append(rations, ration{r.Quota.Name, r.Uses, r.Quota.Span(r.Uses).Seconds()})
	}
	return rations
}

func (e estimate) write(w io.Writer) error {
	fmt.Fprintf(w, "%s (%s), %s to %s: %s.\n", e.Account, e.Provider, label(e.From), label(e.To), plural(int64(e.Windows), "window"))
	if e.Conversations == nil {
		fmt.Fprintln(w, "The platform cannot count its conversations, so neither requests nor time can be estimated.")
	} else {
		fmt.Fprintf(w, "%s by the platform's own count; about %s.\n", plural(*e.Conversations, "conversation"), plural(*e.Requests, "request"))
	}
	if e.Seconds != nil {
		fmt.Fprintf(w, "At %g requests a second: about %s.\n", e.RequestsPerSecond, short(seconds(*e.Seconds)))
	}
	for _, r := range e.Rations {
		fmt.Fprintf(w, "Quota %s: %s, which take %s.\n", r.Quota, plural(int64(r.Uses), "use"), short(seconds(r.Seconds)))
	}
	_, err := fmt.Fprintln(w, "Nothing was written. Windows that the lake has already cost next to nothing.")
	return err
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
