package page

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/workflows"
)

var exportView = &view{
	name: "export", title: "Exports and syncs", link: "Exports", model: exportModel,
	orders: map[string]order{"pause": pauseRun, "resume": resumeRun, "cancel": cancelRun, "rate": setRate, "sync": syncNow,
		"pause-schedule": pauseSchedule, "resume-schedule": resumeSchedule},
}

// exports is what the view shows: all, or one of them.
type exports struct {
	One         *oneRun
	Missing     string // id of a run that is not under way
	Running     []run
	Ended       []endedExport
	Schedules   []operate.Upkeep
	WorkProblem string
}

// oneRun is a run under way, in detail.
type oneRun struct {
	run
	Forecast forecast
	Ends     string
	Budget   limits
	CanRate  bool
	Steps    []string // windows in flight
	Temporal string   // its page in Temporal's UI
}

// endedExport is an export that has ended.
type endedExport struct {
	operate.Export
	Mark mark
	Text string
}

func exportModel(ctx context.Context, p *Page, r *request) (any, error) {
	s := p.readState(ctx)
	m := exports{Running: s.runs(), Schedules: s.Schedules, WorkProblem: s.WorkProblem}
	for _, e := range s.Exports {
		if e.Status != operate.StatusRunning {
			m.Ended = append(m.Ended, endedOf(e))
		}
	}
	if id := r.URL.Query().Get("of"); id != "" {
		if one, ok := s.find(id); ok {
			m.One = p.oneRun(s, one, r.now)
		} else {
			m.Missing = id
		}
	}
	return m, nil
}

func (p *Page) oneRun(s state, r run, now time.Time) *oneRun {
	one := &oneRun{run: r, Budget: p.budgetOf(s, r.Account), CanRate: r.Kind.AsksPlatform()}
	if p.o.TemporalUI != "" {
		one.Temporal = strings.TrimRight(p.o.TemporalUI, "/") + "/namespaces/default/workflows/" + strings.ReplaceAll(r.ID, "/", "%2F")
	}
	if r.Progress != nil {
		one.Forecast = p.meter.forecast(r.ID, *r.Progress, r.Began)
		one.Ends = endsText(one.Forecast, *r.Progress, now)
	}
	return one
}

// endsText says when a run ends, as a range.
func endsText(f forecast, s operate.Snapshot, now time.Time) string {
	first, stands := s.First()
	switch {
	case s.State == workflows.StatePaused:
		return "not while it is paused"
	case stands:
		return first.Brief()
	case !f.Known:
		return "not known yet"
	}
	early, late := clock(f.Earliest, now), clock(f.Latest, now)
	if f.Latest.Sub(f.Earliest) < 30*time.Second {
		return "about " + late + " UTC, in " + words.Duration(f.Latest.Sub(now))
	}
	return "between " + early + " and " + late + " UTC, in " + words.Duration(f.Earliest.Sub(now)) + " to " + words.Duration(f.Latest.Sub(now))
}

func endedOf(e operate.Export) endedExport {
	done := endedExport{Export: e, Mark: flagged(e.Status), Text: "what it has committed is in the lake"}
	if e.Result == nil {
		return done
	}
	t := e.Result.Totals
	done.Mark = good("complete")
	if !e.Result.Complete {
		done.Mark = flagged("incomplete")
	}
	done.Text = words.Plural(t.Conversations, "conversation") + ", " + words.Plural(t.Messages, "message") + ", " + words.Plural(t.Requests, "request")
	for n, what := range map[int64]string{t.Dead: "could not be copied", int64(t.Skipped): "skipped"} {
		if n > 0 {
			done.Text += fmt.Sprintf("; %s %s", words.Grouped(n), what)
		}
	}
	return done
}

func pauseRun(ctx context.Context, p *Page, r *request) (string, error) {
	id := r.PostForm.Get("of")
	return "The " + titleOf(id) + " is paused. Work in flight is finished.", p.visit(ctx, func(s *operate.Session) error { return s.Pause(ctx, id) })
}

// cancelRun asks a run to end. On a server in the state folder, operate waits for that; the page does not for long.
func cancelRun(ctx context.Context, p *Page, r *request) (string, error) {
	id := r.PostForm.Get("of")
	if r.PostForm.Get("sure") == "" {
		return "", wrongRequest("the box was not ticked, so nothing was canceled")
	}
	within, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ended := false
	err := p.visit(within, func(s *operate.Session) (err error) {
		ended, err = s.Cancel(within, id)
		return err
	})
	switch {
	case err != nil && ctx.Err() == nil && errors.Is(within.Err(), context.DeadlineExceeded):
		return "The " + titleOf(id) + " was asked to end. What it has committed stays in the lake.", nil
	case ended:
		return "The " + titleOf(id) + " has ended. What it has committed stays in the lake.", err
	}
	return "The " + titleOf(id) + " was asked to end. What it has committed stays in the lake.", err
}

// setRate changes the budget of an account while it has runs.
func setRate(ctx context.Context, p *Page, r *request) (string, error) {
	text := strings.TrimSpace(r.PostForm.Get("rate"))
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "", wrongRequest(fmt.Sprintf("the rate %q is not a number of requests a second, such as 2.5", text))
	}
	if err := (workflows.SetRateInput{RequestsPerSecond: rate}).Check(); err != nil {
		return "", wrongRequest(err.Error())
	}
	done := fmt.Sprintf("The account may now use %g requests a second, until none of its runs is at work.", rate)
	if rate == 0 {
		done = "The account now has no limit, until none of its runs is at work."
	}
	return done, p.visit(ctx, func(s *operate.Session) error { return s.SetRate(ctx, r.PostForm.Get("of"), rate) })
}

// pauseSchedule keeps a schedule from starting runs. Its note says who did that.
func pauseSchedule(ctx context.Context, p *Page, r *request) (string, error) {
	id := r.PostForm.Get("of")
	note := strings.Join(strings.Fields(r.PostForm.Get("note")), " ")
	if len(note) > 300 {
		return "", wrongRequest("the note is too long: expected at most 300 bytes")
	}
	note = strings.TrimLeft(note+" (by "+r.user.label()+")", " ")
	return "The schedule " + id + " starts nothing until it is resumed. A run under way continues.", p.visit(ctx, func(s *operate.Session) error {
		_, err := s.PauseSchedules(ctx, operate.Choice{IDs: []string{id}}, note)
		return err
	})
}
