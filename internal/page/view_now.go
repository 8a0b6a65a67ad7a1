package page

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

var nowView = &view{
	name: "now", title: "Is everything copied?", link: "Now", model: nowModel,
	orders: map[string]order{"resume": resumeRun, "resume-schedule": resumeSchedule, "sync": syncNow},
}

// now is what the view shows.
type now struct {
	Headline    mark
	Sentence    string
	Accounts    []accountLine
	LakeProblem string
	WorkProblem string
}

// accountLine is the row of an account, with problems first.
type accountLine struct {
	Name, Provider string
	Mark           mark
	rank           int // of the state: what needs a person comes first
	Until          *time.Time
	Behind         string
	Copied         string // of the history
	Runs           []run
	Next           *time.Time
	Todo           []todo
	Used           string // of the budget
	Gaps           int
	synced         bool
}

// todo is something that a person should do, and the order or the view that does it.
type todo struct {
	Text         string
	Order, Of    string
	Button       string
	Link, Linked string
}

func nowModel(ctx context.Context, p *Page, _ *request) (any, error) {
	s := p.readState(ctx)
	m := now{LakeProblem: s.LakeProblem, WorkProblem: s.WorkProblem}
	for _, name := range p.accounts() {
		m.Accounts = append(m.Accounts, p.accountLine(s, name))
	}
	slices.SortStableFunc(m.Accounts, func(a, b accountLine) int { return a.rank - b.rank })
	m.Headline, m.Sentence = headline(m, s)
	return m, nil
}

// The ranks of states.
const (
	rankBlocked = iota
	rankStopped
	rankBehind
	rankGaps
	rankPartly
	rankPaused
	rankUnknown
	rankWaiting
	rankCopying
	rankCurrent
)

// openGaps counts the gaps that no run under way copies. Windows of an export end in any order, so between them there are gaps for a while.
func openGaps(gaps []inspect.Gap, runs []run) (n int) {
	var copied []schemas.Window
	for _, r := range runs {
		if r.Progress != nil && (r.Kind == operate.KindExport || r.Kind == operate.KindHistory) {
			copied = append(copied, r.Progress.Range)
		}
	}
	for _, g := range gaps {
		if g.Stream.IsByChange() || len(g.Window.Without(copied)) > 0 {
			n++
		}
	}
	return n
}

// accountLine says what is known of an account.
func (p *Page) accountLine(s state, name string) accountLine {
	a := p.o.Config.Accounts[name]
	line := accountLine{Name: name, Provider: a.Provider, Runs: s.runsOf(name), synced: a.Sync != nil, Used: p.usedText(s, name)}
	var f inspect.Freshness
	if i := slices.IndexFunc(s.Freshness, func(f inspect.Freshness) bool { return f.Account == name }); i >= 0 {
		f = s.Freshness[i]
	}
	line.Until, line.Copied = f.Watermark, f.CopiedText()
	lag, known := f.Lag()
	if known {
		line.Behind = words.Duration(lag) + " behind"
	}
	line.Gaps = openGaps(f.Gaps, line.Runs) + len(f.Lost) + len(f.Skipped)
	if n := s.Weak[name]; n > 0 {
		is := "is"
		if n > 1 {
			is = "are"
		}
		line.Todo = append(line.Todo, todo{Link: "/gaps", Linked: words.Plural(int64(n), "window"), Text: is + " not whole: something could not be copied, or the platform counts otherwise."})
	}
	line.schedules(s)
	line.todo(f)
	stands := len(line.Runs) > 0
	blocked, held := false, false
	for _, r := range line.Runs {
		stands = stands && r.Progress != nil && r.Progress.Stands
		blocked = blocked || len(r.Causes()) > 0
		held = held || r.IsPaused()
	}
	spent, _ := p.meter.counts(name)
	at := func(rank int, m mark) { line.rank, line.Mark = rank, m }
	switch {
	case blocked:
		at(rankBlocked, bad("blocked"))
	case spent.Stopped:
		at(rankStopped, bad("stopped"))
		line.Todo = append(line.Todo, todo{Text: "The platform refuses all requests. Check the token and its permissions (`chatlake doctor`), then resume."})
	case line.synced && known && lag > tolerated(a.Sync.Every):
		at(rankBehind, flagged("behind"))
	case line.Gaps+s.Weak[name] > 0:
		at(rankGaps, flagged("with gaps"))
	case held:
		at(rankPaused, paused("paused"))
	case s.LakeProblem != "":
		at(rankUnknown, nothing("unknown"))
	case line.synced && known && f.ToGo == nil:
		at(rankCurrent, good("current"))
	case stands:
		at(rankWaiting, underWay("waiting"))
	case f.ToGo != nil && s.WorkProblem == "", len(line.Runs) > 0:
		at(rankCopying, underWay("copying"))
	case f.ToGo != nil && f.Copied != nil:
		at(rankPartly, flagged("partly copied"))
	case !line.synced && f.Copied != nil:
		at(rankCurrent, good("copied"))
	default:
		at(rankUnknown, nothing("nothing yet"))
	}
	return line
}

// tolerated is how far behind an account may be that is synced at an interval.
func tolerated(every time.Duration) time.Duration { return max(time.Hour, 4*every) }

// schedules adds when the next sync begins, and which schedules are paused.
func (l *accountLine) schedules(s state) {
	for _, u := range s.Schedules {
		if u.Account != l.Name {
			continue
		}
		if u.Kind == operate.KindSync {
			l.Next = u.Next
		}
		if u.Paused {
			text := "The schedule " + string(u.Kind) + " is paused"
			if u.Note != "" {
				text += ": " + u.Note
			}
			l.Todo = append(l.Todo, todo{Text: text, Order: "resume-schedule", Of: u.ID, Button: "Resume"})
		}
		if u.Ended != nil && u.Ended.State != workflows.StateComplete {
			l.Todo = append(l.Todo, todo{Text: "The last " + string(u.Kind) + " ended " + u.Ended.String() + "."})
		}
	}
}

// todo adds what a person should do.
func (l *accountLine) todo(f inspect.Freshness) {
	for _, r := range l.Runs {
		for _, c := range r.Causes() {
			l.Todo = append(l.Todo, todo{
				Text:  fmt.Sprintf("%s cannot be copied: %s. %s", words.Plural(int64(len(c.Windows)), "window"), c.Detail, c.Remedy),
				Order: "resume", Of: r.ID, Button: "Try again",
			})
		}
		for _, alarm := range r.Losses() {
			l.Todo = append(l.Todo, todo{Text: alarm})
		}
		if r.IsPaused() {
			l.Todo = append(l.Todo, todo{Text: "The " + r.Title() + " is paused.", Order: "resume", Of: r.ID, Button: "Resume"})
		}
	}
	if l.Gaps > 0 {
		l.Todo = append(l.Todo, todo{Link: "/gaps", Linked: words.Plural(int64(l.Gaps), "gap"), Text: "is missing in the lake."})
		if l.Gaps > 1 {
			l.Todo[len(l.Todo)-1].Text = "are missing in the lake."
		}
	}
	if n := len(f.Expiring); n > 0 {
		first := slices.MinFunc(f.Expiring, func(a, b inspect.Expiring) int { return a.Deadline.Compare(b.Deadline) })
		l.Todo = append(l.Todo, todo{Link: "/gaps", Linked: "Soon lost", Text: ": the platform begins to delete what is not copied yet on " + words.Time(first.Deadline) + "."})
	}
}

// headline answers the question of the view in one sentence.
func headline(m now, s state) (mark, string) {
	names := func(in ...int) (found []string) {
		for _, a := range m.Accounts {
			if slices.Contains(in, a.rank) {
				found = append(found, a.Name)
			}
		}
		return found
	}
	verb := func(names []string, one, many string) string {
		if len(names) == 1 {
			return names[0] + " " + one
		}
		return several(names) + " " + many
	}
	oldest := oldestWatermark(m)
	upTo := ""
	if oldest != nil {
		upTo = " up to " + words.Instant(*oldest)
	}
	switch {
	case s.LakeProblem != "":
		return bad("not known"), "The lake cannot be read."
	case len(names(rankBlocked, rankStopped)) > 0:
		return bad("no"), verb(names(rankBlocked, rankStopped), "waits for a person.", "wait for a person.")
	case len(names(rankBehind)) > 0:
		return flagged("no"), verb(names(rankBehind), "is behind its platform.", "are behind their platforms.")
	case len(names(rankGaps)) > 0:
		return flagged("not quite"), "Everything is copied" + upTo + ", but for what is missing of " + several(names(rankGaps)) + "."
	case s.Unreadable > 0:
		return flagged("not quite"), words.Plural(int64(s.Unreadable), "record") + " of the ledger cannot be read; Gaps names them."
	case len(names(rankPartly)) > 0:
		return flagged("no"), verb(names(rankPartly), "is copied in part, and nobody copies the rest.", "are copied in part, and nobody copies the rest.")
	case len(names(rankPaused)) > 0:
		return paused("no"), verb(names(rankPaused), "is paused.", "are paused.")
	case len(names(rankCopying, rankWaiting)) > 0:
		return underWay("not yet"), "The history of " + several(names(rankCopying, rankWaiting)) + " is being copied."
	case len(names(rankUnknown)) > 0:
		return nothing("no"), "Nothing of " + several(names(rankUnknown)) + " is in the lake yet."
	}
	if oldest == nil {
		return good("yes"), "Everything that was asked for is copied. No account is kept up to date."
	}
	return good("yes"), "Everything is copied" + upTo + "."
}

// several lists names, or counts them if there are many.
func several(names []string) string {
	if len(names) > 3 {
		return words.Plural(int64(len(names)), "account")
	}
	return words.List(names)
}

// oldestWatermark is the time up to which all accounts are copied that are kept up to date.
func oldestWatermark(m now) (oldest *time.Time) {
	for _, a := range m.Accounts {
		if a.Until != nil && (oldest == nil || a.Until.Before(*oldest)) {
			oldest = a.Until
		}
	}
	return oldest
}

// usedText says how much of the budget of an account is used.
func (p *Page) usedText(s state, account string) string {
	l := p.budgetOf(s, account)
	all, _ := p.meter.used(account)
	switch {
	case len(all) == 0 && l.Set == 0:
		return "no limit"
	case len(all) == 0:
		return "of " + rateText(l.Now) + "/s"
	case l.Set == 0:
		return rateText(recent(all)) + "/s, no limit"
	}
	return rateText(recent(all)) + " of " + rateText(l.Now) + "/s"
}

// recent is the mean rate of the last minute.
func recent(all []sample) float64 {
	last := all[max(0, len(all)-int(time.Minute/sampleEvery)):]
	sum := 0.0
	for _, s := range last {
		sum += s.Rate
	}
	return sum / float64(len(last))
}

// resumeRun lets a run continue, and try again what is blocked.
func resumeRun(ctx context.Context, p *Page, r *request) (string, error) {
	id := r.PostForm.Get("of")
	return "The " + titleOf(id) + " continues. What was blocked is tried again.", p.visit(ctx, func(s *operate.Session) error { return s.Resume(ctx, id) })
}

// resumeSchedule lets a paused schedule start runs again.
func resumeSchedule(ctx context.Context, p *Page, r *request) (string, error) {
	id := r.PostForm.Get("of")
	return "The schedule " + id + " starts runs again.", p.visit(ctx, func(s *operate.Session) error {
		_, err := s.ResumeSchedules(ctx, operate.Choice{IDs: []string{id}}, "resumed by "+r.user.label())
		return err
	})
}

// syncNow starts a sync of an account.
func syncNow(ctx context.Context, p *Page, r *request) (string, error) {
	account := r.PostForm.Get("of")
	begun := false
	err := p.visit(ctx, func(s *operate.Session) error {
		told, err := s.TriggerSchedules(ctx, operate.Choice{IDs: []string{operate.ScheduleID(operate.KindSync, account)}})
		begun = len(told) > 0
		return err
	})
	if !begun {
		return "A sync of " + account + " is under way already.", err
	}
	return "A sync of " + account + " begins.", err
}

// titleOf names a run by its workflow id.
func titleOf(id string) string {
	kind := operate.KindOfRun(id)
	return cmp.Or(string(kind), "run")
}
