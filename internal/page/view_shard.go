package page

import (
	"context"
	"net/url"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/workflows"
)

var shardView = &view{
	name: "shard", title: "Window", model: shardModel,
	orders: map[string]order{"retry": retryBlocked, "skip": skipBlocked, "copy": copyAgain, "missing": copyMissing},
}

// shard is what the view shows of a window.
type shard struct {
	Name, Account, Stream, Range string
	Back                         string // the query of the view, for its forms
	Mark                         mark
	Coverage                     string // address of the cell that it is in
	Run                          *operate.ShardRun
	Steps                        []shardStep
	Cause                        *operate.Cause // why it is blocked
	RunUI                        string         // Temporal's page of the run, if its UI is known
	Record                       *inspect.Committed
	RecordUI                     string
	Tables                       []inspect.TableSum
	Dead                         []inspect.DeadConversation
	MoreDead                     int
	// Problem is why nothing is known of runs.
	Problem string
	Copies  string // order that copies it; empty if nobody can be asked
}

type shardStep struct {
	Name string
	Mark mark
}

// deadShown is how many dead letters of a window are shown.
const deadShown = 50

func shardModel(ctx context.Context, p *Page, r *request) (any, error) {
	name := r.URL.Query().Get("of")
	of, err := p.partOf(name)
	if err != nil {
		return nil, err
	}
	m := shard{
		Name: name, Account: of.account, Stream: string(of.stream), Range: words.Span(of.window), Back: url.Values{"of": {name}}.Encode(),
		Coverage: coverageAddress(of.window.From.UTC().Format(inMonth), of.account), Mark: nothing("not in the lake"),
	}
	contents, err := p.contents(ctx)
	if err != nil {
		return nil, err
	}
	if record, ok := contents.Committed(name); ok {
		m.Record, m.Mark, m.RecordUI = &record, good("complete"), p.temporalPage(record.Workflow, record.Run)
		m.Tables = inspect.SumFiles(record.Objects)
		if len(record.Shortcomings) > 0 {
			m.Mark = flagged("with gaps")
		}
		if record.Counts.Dead > 0 {
			if m.Dead, m.MoreDead, err = contents.Dead(ctx, name, deadShown); err != nil {
				return nil, err
			}
		}
	}
	if !of.stream.IsOwn() {
		if m.Copies = "missing"; m.Record != nil {
			m.Copies = "copy"
		}
	}
	var runs []operate.ShardRun
	if err := p.visit(ctx, func(s *operate.Session) error {
		runs, err = s.Shards(ctx, name)
		return err
	}); err != nil {
		m.Problem = reasonOf(err)
	}
	if len(runs) > 0 {
		m.Run, m.RunUI = &runs[0], p.temporalPage("shard/"+name, "")
		m.Steps = stepsOf(runs[0])
		if cause, ok := runs[0].Blocked(); ok {
			m.Cause, m.Mark = &cause, bad("blocked")
		} else if m.Record == nil {
			m.Mark = underWay("running")
		}
	}
	return m, nil
}

// temporalPage is the address of a workflow in Temporal's UI; empty if that is not known.
func (p *Page) temporalPage(workflow, run string) string {
	if p.o.TemporalUI == "" || workflow == "" {
		return ""
	}
	namespace := "default"
	if t := p.o.Config.Temporal; t != nil && t.Namespace != "" {
		namespace = t.Namespace
	}
	address := p.o.TemporalUI + "/namespaces/" + url.PathEscape(namespace) + "/workflows/" + url.PathEscape(workflow)
	if run != "" {
		address += "/" + url.PathEscape(run) + "/history"
	}
	return address
}

// stepsOf says which steps of a window are done, by its progress.
func stepsOf(r operate.ShardRun) (steps []shardStep) {
	names := []string{"open", "list", "fetch", "seal, verify and commit"}
	at := 0
	if p := r.Progress; p != nil {
		switch {
		case p.State == workflows.StateSealing || p.State == workflows.StateDone:
			at = 3
		case p.Fetched > 0 || p.Listed > 0 && p.Expected != nil && p.Listed >= *p.Expected:
			at = 2
		case p.Listed > 0 || p.Requests > 0 || p.Expected != nil:
			at = 1
		}
	}
	for i, name := range names {
		state := nothing("to come")
		switch {
		case i < at:
			state = good("done")
		case i == at:
			state = underWay("at work")
		}
		steps = append(steps, shardStep{name, state})
	}
	return steps
}

// Since is how long the run has been under way.
func (s shard) Since(now time.Time) time.Duration { return now.Sub(s.Run.StartedAt) }
