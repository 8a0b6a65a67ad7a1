package activities

import (
	"cmp"
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// OpenExportInput asks for the settings of an account's export.
type OpenExportInput struct {
	Account string `json:"account"`
	// Adopt means that nothing will be copied, so the platform is not asked.
	Adopt bool `json:"adopt,omitempty"`
	// Sync means that the export takes priority over exports that are not syncs.
	Sync bool `json:"sync,omitempty"`
	// Range and Window are the range of an export and the size of its windows; see Exception. Anew means that every window is copied
	// again, and Reprocess which ones otherwise.
	Range     schemas.Window `json:"range,omitzero"`
	Window    string         `json:"window,omitempty"`
	Anew      bool           `json:"anew,omitempty"`
	Reprocess Reprocess      `json:"reprocess,omitempty"`
	// Plan asks for a plan that the ledger and the account's settings give, for a run with the nominal time Now. If there is nothing to
	// do, the platform is not asked and no budget is joined.
	Plan PlanKind  `json:"plan,omitempty"`
	Now  time.Time `json:"now,omitzero"`
	// Named are the conversations that a plan for announcements is about.
	Named []string `json:"named,omitempty"`
}

// OpenExportOutput is the account's settings at the start of the export, without secrets.
type OpenExportOutput struct {
	Provider          string  `json:"provider"`
	Spec              string  `json:"spec"`
	RequestsPerSecond float64 `json:"requests_per_second"`
	providers.Costs
	Shards int `json:"shards"`
	// MostShards, if it is more than Shards, is how many shards may be at work if fewer do not use the rate up.
	MostShards      int       `json:"most_shards,omitempty"`
	ChunksInFlight  int       `json:"chunks"`
	ChunkSize       int       `json:"chunk"`
	Window          string    `json:"window"`
	OnMismatch      string    `json:"on_mismatch"`
	AllowUnreadable bool      `json:"allow_unreadable,omitempty"`
	HasDirectory    bool      `json:"has_directory"`
	HasReports      bool      `json:"has_reports,omitempty"`
	Visibility      string    `json:"visibility"`
	Advice          string    `json:"advice"`
	CheckedAt       time.Time `json:"checked_at"`
	Usage           Usage     `json:"usage"`
	// Plan is the plan that the input asked for.
	Plan []Planned `json:"plan,omitempty"`
	// Exceptions are the windows of an export's range that are not copied as they are.
	Exceptions []Exception `json:"exceptions,omitempty"`
	// Keeps is how long the platform keeps what windows of a stream are read from. A stream that is missing is kept for ever, or it is
	// not known.
	Keeps map[schemas.Stream]schemas.Retention `json:"keeps,omitempty"`
	// Grant is the export's share of the budget; nil means all of it.
	Grant *BudgetGrant `json:"grant,omitempty"`
}

// OpenExport checks the credentials and the lake before any work starts.
func (a *Activities) OpenExport(ctx context.Context, in OpenExportInput) (OpenExportOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	out, err := a.openExport(ctx, in)
	return out, a.classify(ctx, err)
}

func (a *Activities) openExport(ctx context.Context, in OpenExportInput) (OpenExportOutput, error) {
	account, err := a.Account(ctx, in.Account)
	if err != nil {
		return OpenExportOutput{}, err
	}
	plan, err := a.plan(ctx, in, account)
	if err != nil || in.Plan != "" && len(plan) == 0 {
		return OpenExportOutput{Provider: account.Name, CheckedAt: time.Now().UTC()}, err
	}
	ctx, s, err := a.session(ctx, in.Account, firstLease(account))
	if err != nil {
		return OpenExportOutput{}, err
	}
	check, err := a.check(ctx, in, s.reader)
	if err != nil {
		return OpenExportOutput{}, err
	}
	_, hasDirectory := s.reader.(providers.Directory)
	_, hasReports := s.reader.(providers.Reporter)
	exceptions, err := a.exceptions(ctx, in, account, ExportedStreams(hasReports))
	if err != nil {
		return OpenExportOutput{}, err
	}
	grant, err := a.join(ctx, in, account)
	if err != nil {
		return OpenExportOutput{}, err
	}
	return OpenExportOutput{
		Plan:              plan,
		Exceptions:        exceptions,
		Keeps:             account.Retention,
		Grant:             grant,
		Provider:          s.Name,
		Spec:              s.Spec,
		RequestsPerSecond: s.RequestsPerSecond,
		Costs:             seenBy(s.reader, costsOf(s.Account, in.Plan)),
		Shards:            s.Shards,
		MostShards:        s.MostShards,
		ChunksInFlight:    s.ChunksInFlight,
		ChunkSize:         s.ChunkSize,
		Window:            s.Window,
		OnMismatch:        s.OnMismatch,
		AllowUnreadable:   s.AllowUnreadable,
		HasDirectory:      hasDirectory,
		HasReports:        hasReports,
		Visibility:        string(check.Visibility),
		Advice:            check.Advice,
		CheckedAt:         check.at.UTC(),
		Usage:             s.usage(),
	}, nil
}

// costsOf returns the costs of the conversations of a run: a sync lists changes.
func costsOf(account Account, kind PlanKind) providers.Costs {
	if kind == PlanSync {
		return cmp.Or(account.Changed, account.Costs)
	}
	return account.Costs
}

// seenBy returns costs as corrected by what the reader of this process has seen.
func seenBy(reader providers.Reader, costs providers.Costs) providers.Costs {
	if pricer, ok := reader.(providers.Pricer); ok {
		return pricer.Seen(providers.Prices{Costs: costs}).Costs
	}
	return costs
}

// checkedFor is how long syncs and settles rely on a check of the lake and of the credentials.
const checkedFor = time.Hour

// check is when the lake and an account's credentials were checked, and what was found.
type check struct {
	providers.Probe
	at time.Time
}

// check checks the lake and the credentials. A run that follows the platform by a plan relies on what this process found within the last
// hour with the same secrets: a reader is opened anew when a secret changes. Whatever is wrong since then fails the first request that
// needs it.
func (a *Activities) check(ctx context.Context, in OpenExportInput, reader providers.Reader) (check, error) {
	now := a.Lake.Now()
	if before, ok := a.checks.Load(reader); ok && in.Plan != "" {
		if c := before.(check); !now.Before(c.at) && now.Sub(c.at) < checkedFor {
			return c, nil
		}
	}
	if err := a.Lake.Probe(ctx); err != nil {
		return check{}, err
	}
	c := check{providers.Probe{Visibility: providers.VisibilityUnknown}, now}
	prober, ok := reader.(providers.Prober)
	if !ok || in.Adopt {
		return c, nil
	}
	var err error
	if c.Probe, err = prober.Probe(ctx); err == nil {
		a.checks.Store(reader, c)
	}
	return c, err
}

// ExportedStreams are the streams that each window of an export has a shard of.
func ExportedStreams(hasReports bool) []schemas.Stream {
	if hasReports {
		return []schemas.Stream{schemas.StreamCreated, schemas.StreamReports}
	}
	return []schemas.Stream{schemas.StreamCreated}
}

// plan returns the plan that the input asks for, or nothing.
func (a *Activities) plan(ctx context.Context, in OpenExportInput, account Account) ([]Planned, error) {
	if in.Plan == "" {
		return nil, nil
	}
	if in.Plan == PlanPush {
		return a.planPush(ctx, in, account)
	}
	reader, err := account.Reader()
	if err != nil {
		return nil, err
	}
	p, err := a.planner(ctx, in.Account, account, reader)
	switch {
	case err != nil:
		return nil, err
	case in.Plan == PlanSync:
		return p.planSync(in.Now), nil
	}
	plan, last := p.planSettle(in.Now)
	again, err := a.settleAgain(ctx, p, account.Keeper, last)
	plan = append(plan, again...)
	return plan[:min(len(plan), mostSettled)], err
}

// firstLease is the lease for the few requests that an export makes before it knows its share of the budget.
func firstLease(a Account) Lease {
	return Lease{RequestsPerSecond: a.RequestsPerSecond, AccountRequestsPerSecond: a.RequestsPerSecond}
}

// join adds the export to the users of the account's budget if it will make requests.
func (a *Activities) join(ctx context.Context, in OpenExportInput, account Account) (*BudgetGrant, error) {
	if a.Join == nil || in.Adopt {
		return nil, nil
	}
	grant, err := a.Join(ctx, in.Account, BudgetRequest{
		Workflow: activity.GetInfo(ctx).WorkflowExecution.ID, RequestsPerSecond: account.RequestsPerSecond, SyncShare: account.SyncShare, Sync: in.Sync,
	})
	return &grant, err
}
