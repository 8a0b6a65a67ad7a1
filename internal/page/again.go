package page

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

// part is a part of a stream that an order is for.
type part struct {
	account string
	stream  schemas.Stream
	window  schemas.Window
}

// partOf reads account/stream/window.
func (p *Page) partOf(name string) (part, error) {
	fields := strings.Split(name, "/")
	wrong := wrongRequest("That is not the name of a window: expected account/stream/window, such as acme/created/20260501T000000Z~20260601T000000Z.")
	if len(fields) != 3 {
		return part{}, wrong
	}
	w, err := schemas.ParseWindow(fields[2])
	of := part{fields[0], schemas.Stream(fields[1]), w}
	if err != nil || !of.stream.Known() {
		return part{}, wrong
	}
	return of, nil
}

// configured refuses orders for accounts that only the ledger has.
func (p *Page) configured(account string) error {
	if _, ok := p.o.Config.Accounts[account]; !ok {
		return wrongRequest("The configuration has no account " + account + ".")
	}
	return nil
}

// copyMissing starts what copies a gap: the next sync begins at the first gap of changes, and anything else is exported.
func copyMissing(ctx context.Context, p *Page, r *request) (string, error) {
	return p.copy(ctx, r, false)
}

// copyAgain starts what copies a committed window once more.
func copyAgain(ctx context.Context, p *Page, r *request) (string, error) { return p.copy(ctx, r, true) }

// copy does what the command does that is shown beside the button.
func (p *Page) copy(ctx context.Context, r *request, again bool) (done string, err error) {
	of, err := p.partOf(r.PostForm.Get("of"))
	if err == nil {
		err = p.configured(of.account)
	}
	if err != nil {
		return "", err
	}
	schedule := ""
	switch {
	case of.stream.IsOwn():
		return "", wrongRequest("Nobody can be asked for that window again: chatlake itself wrote it.")
	case of.stream == schemas.StreamDirectory, of.stream.IsByChange() && !again:
		schedule = "sync/" + of.account
	case of.stream.IsByChange():
		schedule = "settle/" + of.account
	}
	err = p.visit(ctx, func(s *operate.Session) error {
		if s.Unattended() {
			return errNobody
		}
		if schedule != "" {
			done = "Started " + schedule + " once. It copies the window."
			_, err := s.TriggerSchedules(ctx, operate.Choice{IDs: []string{schedule}})
			return err
		}
		in := workflows.ExportInput{Account: of.account, From: of.window.From, To: of.window.To, Name: words.Range(of.window)}
		if again {
			in.Window, in.Refresh = "month", r.now.Format(time.RFC3339)
		}
		run, err := s.Start(ctx, in)
		if err != nil {
			return err
		}
		if done = fmt.Sprintf("Started the export %s of %s.", in.Name, of.account); run.Met {
			if err := s.SameRange(ctx, in); err != nil {
				return err
			}
			done = fmt.Sprintf("The export %s of %s runs already.", in.Name, of.account)
		}
		return nil
	})
	return done, err
}

// retryBlocked lets a blocked window be tried again.
func retryBlocked(ctx context.Context, p *Page, r *request) (string, error) {
	name := r.PostForm.Get("of")
	if _, err := p.partOf(name); err != nil {
		return "", err
	}
	return "It is tried again.", p.visit(ctx, func(s *operate.Session) error { return s.Retry(ctx, name) })
}

// skipBlocked gives up a blocked window for now. The reason stands in the ledger before the window is given up.
func skipBlocked(ctx context.Context, p *Page, r *request) (string, error) {
	name, reason := r.PostForm.Get("of"), r.reason()
	if err := inspect.CheckSkip(p.o.Config, name, reason); err != nil {
		return "", err
	}
	return "Given up for now. It stays a gap until a later run copies it.", p.visit(ctx, func(s *operate.Session) error {
		blocked, err := s.Blocked(ctx, name)
		if err != nil {
			return err
		}
		_, err = inspect.SkipWindow(ctx, p.o.Config, name, blocked.Kind, reason)
		return errors.Join(err, skipUnless(ctx, s, name, err))
	})
}

func skipUnless(ctx context.Context, s *operate.Session, name string, failed error) error {
	if failed != nil {
		return nil
	}
	return s.Skip(ctx, name)
}

// acceptGap writes into the ledger that a part of a stream stays out of the lake, and why.
func acceptGap(ctx context.Context, p *Page, r *request) (string, error) {
	of, err := p.partOf(r.PostForm.Get("of"))
	if err == nil {
		err = p.configured(of.account)
	}
	if err != nil {
		return "", err
	}
	accepted, err := inspect.AcceptGap(ctx, p.o.Config, of.account, of.stream, of.window, r.reason())
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("Accepted: %s/%s, %s: %s", of.account, of.stream, words.Span(accepted.Window), accepted.Reason), nil
}

// reason is the reason of a form, and who gave it; empty if there is none.
func (r *request) reason() string {
	reason := strings.TrimSpace(r.PostForm.Get("reason"))
	if reason == "" {
		return ""
	}
	return reason + " (" + r.user.label() + ")"
}
