package activities

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// OpenEndingInput asks for what a run that ends stale conversations needs to know.
type OpenEndingInput struct {
	Account string    `json:"account"`
	Now     time.Time `json:"now"` // the nominal time of the run
}

// OpenEndingOutput is the account's settings at the start of the run.
type OpenEndingOutput struct {
	// Shard is where the run's audits belong: the month of its nominal time.
	Shard             ledger.Shard `json:"shard"`
	RequestsPerSecond float64      `json:"requests_per_second"`
	// Grant is the run's share of the budget; nil means all of it.
	Grant *BudgetGrant `json:"grant,omitempty"`
	Usage Usage        `json:"usage"`
}

// errNoEnder is the error of an account whose platform has no way to end conversations.
func errNoEnder(platform string) error {
	return &providers.Error{Kind: providers.Denied, Op: "end conversations", Err: fmt.Errorf("%s has no conversations that never end, so there is nothing to do", platform)}
}

// OpenEnding checks the credentials and the lake, and joins the account's budget.
func (a *Activities) OpenEnding(ctx context.Context, in OpenEndingInput) (OpenEndingOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	out, err := a.openEnding(ctx, in)
	return out, a.classify(ctx, err)
}

func (a *Activities) openEnding(ctx context.Context, in OpenEndingInput) (OpenEndingOutput, error) {
	account, err := a.Account(ctx, in.Account)
	if err != nil {
		return OpenEndingOutput{}, err
	}
	ctx, s, _, err := a.ender(ctx, in.Account, firstLease(account))
	if err != nil {
		return OpenEndingOutput{}, err
	}
	if err := a.Lake.Probe(ctx); err != nil {
		return OpenEndingOutput{}, err
	}
	if prober, ok := s.reader.(providers.Prober); ok {
		if _, err := prober.Probe(ctx); err != nil {
			return OpenEndingOutput{}, err
		}
	}
	grant, err := a.join(ctx, OpenExportInput{Account: in.Account}, account)
	if err != nil {
		return OpenEndingOutput{}, err
	}
	return OpenEndingOutput{
		Shard:             ledger.Shard{Provider: s.Name, Account: in.Account, Stream: schemas.StreamAudits, Window: monthOf(in.Now)},
		RequestsPerSecond: s.RequestsPerSecond, Grant: grant, Usage: s.usage(),
	}, nil
}

// ender opens an account whose conversations can be ended.
func (a *Activities) ender(ctx context.Context, account string, lease Lease) (context.Context, *session, providers.Ender, error) {
	ctx, s, err := a.session(ctx, account, lease)
	if err != nil {
		return ctx, nil, nil, err
	}
	ender, ok := s.reader.(providers.Ender)
	if !ok {
		return ctx, nil, nil, errNoEnder(s.Name)
	}
	return ctx, s, ender, nil
}

// StaleRef names a conversation that has not ended and that nobody has touched for long.
type StaleRef struct {
	ID        string    `json:"id"`
	Version   string    `json:"version"` // when it was listed; see providers.State
	UpdatedAt time.Time `json:"updated_at"`
}

// ListStaleInput asks for the conversations that have not ended and were last updated before a time, starting at a cursor.
type ListStaleInput struct {
	Account string           `json:"account"`
	Before  time.Time        `json:"before"`
	Cursor  providers.Cursor `json:"cursor,omitempty"`
	// Requests is after how many requests the list goes on in another activity, and Most how many conversations are returned.
	Requests int   `json:"requests"`
	Most     int   `json:"most"`
	Lease    Lease `json:"lease"`
}

// ListStaleOutput has the conversations that were updated longest ago.
type ListStaleOutput struct {
	Stale []StaleRef       `json:"stale,omitempty"`
	Found int              `json:"found"`          // how many there were, also beyond Most
	Open  int              `json:"open"`           // conversations that have not ended, whenever they were updated
	Next  providers.Cursor `json:"next,omitempty"` // empty after the last page
	Usage Usage            `json:"usage"`
}

// ListStale lists a part of the conversations that have not ended. It changes nothing.
func (a *Activities) ListStale(ctx context.Context, in ListStaleInput) (ListStaleOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	out, err := a.listStale(ctx, in)
	return out, a.classify(ctx, err)
}

func (a *Activities) listStale(ctx context.Context, in ListStaleInput) (out ListStaleOutput, err error) {
	ctx, s, ender, err := a.ender(ctx, in.Account, in.Lease)
	if err != nil {
		return out, err
	}
	seen := map[string]bool{}
	for page, err := range ender.Unended(ctx, in.Before, in.Cursor) {
		if err != nil {
			return out, err
		}
		out.Open, out.Next = out.Open+page.Open, page.Next
		for _, one := range page.Stale {
			if !seen[one.ID] {
				seen[one.ID] = true
				out.Stale = append(out.Stale, StaleRef{one.ID, one.Version, one.UpdatedAt})
			}
		}
		out.Found = len(seen)
		out.Stale = Oldest(out.Stale, in.Most)
		if s.meter.Requests() >= int64(in.Requests) {
			break
		}
	}
	out.Usage = s.usage()
	return out, nil
}

// Oldest returns the conversations that were updated longest ago, at most so many, each once.
func Oldest(refs []StaleRef, most int) []StaleRef {
	refs = slices.Clone(refs)
	slices.SortFunc(refs, func(a, b StaleRef) int { return cmp.Or(a.UpdatedAt.Compare(b.UpdatedAt), cmp.Compare(a.ID, b.ID)) })
	refs = slices.CompactFunc(refs, func(a, b StaleRef) bool { return a.ID == b.ID })
	return refs[:min(len(refs), most)]
}
