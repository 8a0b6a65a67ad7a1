package worker

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

// Figure is a number and its precision.
type Figure = providers.Figure

// Estimate is what an export would cost, and what keeping its copy up to date would.
type Estimate struct {
	Account  string `json:"account"`
	Provider string `json:"provider"`
	schemas.Window
	Windows int `json:"windows"`
	// Conversations is nil if they cannot be counted. How says in words what was counted. If Since is set, older conversations could
	// not be counted, and no figure includes them.
	Conversations *providers.Figure `json:"conversations"`
	How           string            `json:"how,omitempty"`
	Since         *time.Time        `json:"since,omitempty"`
	// Messages are estimated from Sampled conversations, which were read. It is nil if none were.
	Messages          *providers.Figure `json:"messages"`
	Sampled           int               `json:"sampled"`
	Requests          *providers.Figure `json:"requests"`
	Parts             []Part            `json:"parts,omitempty"`     // those of Requests that options turn off
	RequestsPerSecond float64           `json:"requests_per_second"` // 0 means no limit
	Seconds           *providers.Figure `json:"seconds"`             // nil if unknown
	Rations           []Ration          `json:"rations,omitempty"`
	Files             *Files            `json:"files"`           // nil if the conversations are not known
	Wider             *Files            `json:"wider,omitempty"` // what windows of a month would leave, where shorter ones leave many small files
	Events            *int64            `json:"events"`          // of histories in Temporal
	Sync              *SyncCost         `json:"sync"`
	Overtaken         *Overtaken        `json:"overtaken,omitempty"`
	// KeptFrom is the start of the platform's retention, if the range begins before it. See Config.KeptFrom.
	KeptFrom *time.Time `json:"kept_from,omitempty"`
	// Asked is how many requests the estimate took.
	Asked int64 `json:"asked"`
}

// Part is a part of an export that an option turns off.
type Part struct {
	Name     string           `json:"name"`
	Requests providers.Figure `json:"requests"`
	Each     float64          `json:"each,omitempty"` // requests of a conversation
	Option   string           `json:"option"`
}

// Ration is how much an export takes from one quota.
type Ration struct {
	Quota   string  `json:"quota"`
	Uses    int     `json:"uses"`
	Seconds float64 `json:"seconds"` // from the first use to the last
}

// PlanInput asks for an estimate.
type PlanInput struct {
	Account string
	Range   schemas.Window
	Window  string // month, week or day; empty is the configured one
	// Requests is about how many requests counting may take where the platform does not count. Sample is how many conversations are read.
	Requests, Sample int
}

// Plan estimates what an export would cost. It checks the credentials, counts or samples the account's conversations, reads some of them,
// and writes nothing. If the configuration is at fault, the error is a Problem.
func (c Config) Plan(ctx context.Context, in PlanInput) (Estimate, error) {
	settings := c.Accounts[in.Account]
	e := Estimate{Account: in.Account, Window: in.Range, RequestsPerSecond: settings.RequestsPerSecond}
	d, _ := definition(settings.Provider)
	meter := providers.NewMeter(providers.Lease{RequestsPerSecond: e.RequestsPerSecond, AccountRequestsPerSecond: e.RequestsPerSecond})
	defer meter.End()
	ctx = providers.WithMeter(ctx, meter)
	reader, err := c.openProbed(ctx, in.Account)
	if err != nil {
		return e, err
	}
	e.Provider = d.Name
	e.KeptFrom = c.KeptFrom(in.Account, in.Range.From, time.Now())
	windows := in.Range.Cut(cmp.Or(in.Window, c.Export.Window))
	e.Windows = len(windows)
	if rationed, ok := reader.(providers.Rationed); ok {
		e.Rations = rationsOf(rationed, windows)
	}
	s := sampling{config: c, in: in, reader: reader, prices: d.Prices(settings.Options)}
	err = s.run(ctx)
	e.Asked = meter.Requests()
	if err != nil || !s.counted {
		return e, err
	}
	if pricer, ok := reader.(providers.Pricer); ok {
		s.prices = pricer.Seen(s.prices)
	}
	e.Conversations, e.How, e.Sampled = new(whole(s.total)), s.how, len(s.threads)
	if !s.since.IsZero() {
		e.Since = &s.since
	}
	if len(s.threads) > 0 {
		e.Messages = new(whole(s.total.Times(s.mean(func(t sampled) float64 { return float64(t.messages) }))))
	}
	counts := s.spread(windows)
	e.files(windows, counts, s.exact && len(s.windows) == len(windows))
	requests := s.export(windows, counts)
	e.Requests = new(whole(requests))
	for _, part := range s.prices.Parts {
		takes := s.total.Times(providers.Exactly(part.Requests))
		for _, w := range windows {
			if part.Window != nil {
				takes = takes.Plus(providers.Exactly(part.Window(w)))
			}
		}
		e.Parts = append(e.Parts, Part{part.Name, whole(takes), part.Requests, part.Option})
	}
	rate := c.rate(in.Account)
	if rate > 0 {
		seconds := requests.Times(providers.Exactly(1 / rate))
		for _, r := range e.Rations {
			seconds = providers.Figure{About: max(seconds.About, r.Seconds), Least: max(seconds.Least, r.Seconds), Most: max(seconds.Most, r.Seconds)}
		}
		e.Seconds = new(whole(seconds))
	}
	e.Events = new(c.events(in.Account, reader, s, windows, counts))
	e.Sync = c.syncCost(in.Account, d, reader, s)
	e.Overtaken = c.overtaken(in.Account, s, windows, counts, time.Now())
	return e, nil
}

// rate is how many requests a second the account may send on average over a week; 0 if there is no limit, or if it may send none.
func (c Config) rate(account string) float64 {
	a := c.Accounts[account]
	return a.RequestsPerSecond * a.Schedule.Mean(time.Now())
}

// events estimates the events in the histories of an export.
func (c Config) events(account string, reader providers.Reader, s sampling, windows []schemas.Window, counts []float64) int64 {
	in := workflows.EventsInput{
		RequestsPerSecond: c.Accounts[account].RequestsPerSecond, Costs: s.prices.Costs, Shards: c.Export.shards(), Chunks: c.Export.ChunksInFlight, ChunkSize: c.Export.ChunkSize,
	}
	_, in.Directory = reader.(providers.Directory)
	_, in.Reports = reader.(providers.Reporter)
	for i, w := range windows {
		in.Windows = append(in.Windows, workflows.EventsOfWindow{Conversations: counts[i], Jobs: s.prices.Orders(w)})
	}
	return int64(math.Round(workflows.NewPolicy().Events(in)))
}

// whole rounds a figure to whole numbers.
func whole(f providers.Figure) providers.Figure {
	if f.Least == f.Most {
		return providers.Exactly(math.Round(f.About))
	}
	return providers.Figure{About: math.Round(f.About), Least: math.Floor(f.Least), Most: math.Ceil(f.Most)}
}

// countsOf returns the number of conversations of each window.
func countsOf(ctx context.Context, counter providers.Counter, windows []schemas.Window) ([]float64, error) {
	var counts []float64
	for _, w := range windows {
		n, err := counter.Count(ctx, w)
		if err != nil {
			return nil, fmt.Errorf("count the conversations of %s: %w", w, err)
		}
		counts = append(counts, float64(n))
	}
	return counts, nil
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
