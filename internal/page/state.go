package page

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
)

// fresh is how long what was read of the lake and of Temporal is shown again.
const fresh = 2 * time.Second

// state is what status shows of all accounts.
type state struct {
	At        time.Time
	Freshness []inspect.Freshness
	Schedules []operate.Upkeep
	Strays    []operate.Stray
	Exports   []operate.Export
	// Weak are how many committed windows of an account are not whole: dead letters, counts that differ and the like. Unreadable is how many
	// records cannot be read.
	Weak       map[string]int
	Unreadable int
	// LakeProblem and WorkProblem are why nothing is known by the lake or of the work; empty if something is.
	LakeProblem, WorkProblem string
}

// readState returns the state, as it was a moment ago at most.
func (p *Page) readState(ctx context.Context) state {
	s, err := p.state.get(ctx, fresh, func(ctx context.Context) (state, error) {
		s := state{At: p.now().UTC()}
		var err error
		if s.Freshness, err = inspect.FreshnessOf(ctx, p.o.Config, p.accounts(), s.At); err != nil {
			s.LakeProblem = reasonOf(err)
		}
		p.weaken(ctx, &s)
		if err := p.visit(ctx, func(work *operate.Session) (err error) {
			if s.Schedules, err = work.Upkeep(ctx, ""); err != nil {
				return err
			}
			if s.Exports, err = work.Exports(ctx, "", ""); err != nil {
				return err
			}
			s.Strays, err = work.Strays(ctx, "", s.known())
			return err
		}); err != nil {
			s.WorkProblem = reasonOf(err)
		}
		return s, nil
	})
	if err != nil {
		return state{LakeProblem: "It was not read in time: " + err.Error(), WorkProblem: "It was not asked in time."}
	}
	return s
}

// weaken adds what is not whole in committed windows. A lake that does not exist yet has none.
func (p *Page) weaken(ctx context.Context, s *state) {
	contents, err := p.contents(ctx)
	if err != nil {
		if s.LakeProblem == "" && slices.ContainsFunc(s.Freshness, func(f inspect.Freshness) bool { return f.Copied != nil || f.Watermark != nil }) {
			s.LakeProblem = reasonOf(err)
		}
		return
	}
	s.Weak, s.Unreadable = map[string]int{}, len(contents.Unreadable)
	for _, name := range p.accounts() {
		weak, more := contents.Weak(name, 1)
		s.Weak[name] = len(weak) + more
	}
}

// known are the workflow ids of runs that are shown already.
func (s state) known() (ids []string) {
	for _, schedule := range s.Schedules {
		ids = append(ids, schedule.Running...)
	}
	return ids
}

// accounts are the names of the configured accounts, in order.
func (p *Page) accounts() []string { return slices.Sorted(maps.Keys(p.o.Config.Accounts)) }

// errNobody means that no process works on the lake.
var errNobody = errors.New("no chatlake process is running here. `chatlake worker` starts one; until then, only the lake is shown")

// visit calls do with a session: that of this process, or else one on a server that runs.
func (p *Page) visit(ctx context.Context, do func(*operate.Session) error) error {
	if p.o.Session != nil {
		return do(p.o.Session)
	}
	s, err := operate.Meet(ctx, p.o.Config)
	if problem, ok := p.o.Config.TemporalProblem(err); ok {
		return problem
	}
	if err != nil {
		return err
	}
	if s == nil {
		return errNobody
	}
	return errors.Join(do(s), s.Stop())
}

// contents is what the ledger says, as it was a few seconds ago at most.
func (p *Page) contents(ctx context.Context) (*inspect.Contents, error) {
	return p.ledger.get(ctx, 2*fresh, func(ctx context.Context) (*inspect.Contents, error) {
		l, err := inspect.Open(ctx, p.o.Config, "")
		if err != nil {
			return nil, err
		}
		return p.reader.Read(ctx, l)
	})
}
