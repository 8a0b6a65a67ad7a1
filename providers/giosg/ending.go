package giosg

import (
	"context"
	"errors"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
)

const (
	opOpen = "list open chats"
	opEnd  = "end chat "
)

var (
	errNoOpen  = error(&providers.Setting{Key: "options.is_ended", Reason: "is true, so the account has no open chats to end"})
	errNotEnd  = errors.New("the answer is not the chat that was to end")
	errRefuses = errors.New("the platform refuses to end the chat: neither the chat of the token's user nor that of the organization can be changed")
)

// stateFields are the fields of a chat that say how it is without saying what is in it.
var stateFields = []string{
	"is_ended", "ended_at", "created_at", "updated_at", "chat_type", "room_id", "message_count", "user_message_count",
	"visitor_message_count", "member_count", "present_participant_count", "tag_count", "is_waiting", "is_pending", "legacy_conversation_state",
}

// openLists are the lists of the account's chats that have not ended, newest first, as in the vendor's tutorial.
func (a *account) openLists() []*list {
	query := maps.Clone(a.query)
	query.Set(optionOrdering, defaultOrdering)
	query.Set("is_ended", "false")
	var lists []*list
	for _, l := range a.lists {
		lists = append(lists, newList(l.path, query))
	}
	return lists
}

// Unended reads the lists of open chats of the account's rooms, or of the organization.
func (a *account) Unended(ctx context.Context, before time.Time, at providers.Cursor) iter.Seq2[providers.UnendedPage, error] {
	return func(yield func(providers.UnendedPage, error) bool) {
		if a.query.Get("is_ended") == "true" {
			yield(providers.UnendedPage{}, &providers.Error{Kind: providers.Denied, Op: opOpen, Err: errNoOpen})
			return
		}
		lists := a.openLists()
		number, link, err := a.parseUnended(lists, at)
		seen := map[string]bool{}
		for err == nil {
			var p listPage
			if p, err = a.page(ctx, lists[number], link); err != nil {
				break
			}
			seen[link] = true
			out := providers.UnendedPage{Open: len(p.rows)}
			for _, r := range p.rows {
				if s := r.state(); !s.Ended && !s.UpdatedAt.IsZero() && s.UpdatedAt.Before(before) {
					out.Stale = append(out.Stale, s)
				}
			}
			if link = p.next; link == "" {
				number++
				clear(seen)
			} else if seen[link] {
				err = rest.Malformed(opOpen, errLoop)
				break
			}
			more := number < len(lists)
			if more {
				if out.Next, err = a.formatUnended(lists[number], number, link); err != nil {
					break
				}
			}
			if !yield(out, nil) || !more {
				return
			}
		}
		yield(providers.UnendedPage{}, err)
	}
}

// formatUnended formats a place as "<list>:<link>".
func (a *account) formatUnended(l *list, number int, link string) (providers.Cursor, error) {
	text := strconv.Itoa(number) + ":" + a.shorten(l, link)
	if len(text) > longestCursor {
		return "", rest.Malformed(opOpen, errLongLink)
	}
	return providers.Cursor(text), nil
}

func (a *account) parseUnended(lists []*list, at providers.Cursor) (number int, link string, err error) {
	if at == "" {
		return 0, "", nil
	}
	head, link, ok := strings.Cut(string(at), ":")
	if number, err = strconv.Atoi(head); !ok || err != nil || number < 0 || number >= len(lists) {
		return 0, "", rest.Malformed(opOpen, providers.ErrCursor)
	}
	if link, ok = a.lengthen(lists[number], link); !ok {
		return 0, "", rest.Malformed(opOpen, providers.ErrCursor)
	}
	return number, link, nil
}

// State requests a chat.
func (a *account) State(ctx context.Context, id string) (providers.State, error) {
	op := "look at chat " + id
	answer, err := a.get(ctx, op, a.ownedPath(id), nil)
	if err != nil {
		return providers.State{}, err
	}
	r, ok := rowOf(answer.Body, answer)
	if !ok || r.id != id {
		return providers.State{}, rest.Malformed(op, wire.ErrShape)
	}
	return r.state(), nil
}

// state is what the platform says of a chat besides its content.
func (r row) state() providers.State {
	s := providers.State{
		ID: r.id, Version: r.version(), Ended: r.stage() != stageOpen, ObservedAt: r.observedAt,
		Messages: integer(r.fields["message_count"]), Facts: map[string]string{},
	}
	if at := moment(r.fields["updated_at"]); at != nil {
		s.UpdatedAt = *at
	}
	for _, name := range stateFields {
		if word := wire.Word(r.fields[name]); word != "" {
			s.Facts[name] = word
		}
	}
	return s
}

// End asks for the end of a chat. The vendor's own bot changes the chat of the token's user; that of the organization is documented as
// changeable as well. What the platform does not know or allow at one place is asked at the other. The place that answered is asked first
// from then on.
func (a *account) End(ctx context.Context, id string) (providers.State, error) {
	op := opEnd + id
	paths, err := a.endPaths(ctx, id)
	if err != nil {
		return providers.State{}, err
	}
	var refused *providers.Error
	for _, path := range paths {
		answer, err := a.http.Do(ctx, rest.Request{
			Op: op, Method: http.MethodPatch, Path: path, JSON: map[string]bool{"is_ended": true}, Once: true,
		})
		if err != nil {
			return providers.State{}, err
		}
		switch answer.Status {
		case http.StatusOK:
			a.endsOwned.Store(path == a.ownedPath(id))
			r, ok := rowOf(answer.Body, answer)
			if !ok || r.id != id {
				return providers.State{}, rest.Malformed(op, errNotEnd)
			}
			return r.state(), nil
		case http.StatusNotFound, http.StatusForbidden, http.StatusMethodNotAllowed:
			err := refusal(op, answer)
			if providers.Uncertain(err) || errors.Is(err, errToken) {
				return providers.State{}, err
			}
			if refused == nil || answer.Status == http.StatusForbidden {
				refused = &providers.Error{Kind: providers.Malformed, Op: op, Status: answer.Status, Err: errRefuses}
			}
		default:
			return providers.State{}, refusal(op, answer)
		}
	}
	return providers.State{}, refused
}

// ownedPath is the chat of the organization.
func (a *account) ownedPath(id string) string { return a.root + "/owned_chats/" + url.PathEscape(id) }

// endPaths are the places at which a chat may end, the one that answered last first. A token without a user has only one.
func (a *account) endPaths(ctx context.Context, id string) ([]string, error) {
	user, err := a.user(ctx)
	switch {
	case err != nil:
		return nil, err
	case user == "":
		return []string{a.ownedPath(id)}, nil
	}
	own := "/api/v5/users/" + user + "/chats/" + url.PathEscape(id)
	if a.endsOwned.Load() {
		return []string{a.ownedPath(id), own}, nil
	}
	return []string{own, a.ownedPath(id)}, nil
}

// user returns the id of the token's user; empty if it has none. It asks once.
func (a *account) user(ctx context.Context) (string, error) {
	if known := a.me.Load(); known != nil {
		return *known, nil
	}
	const op = "look for the token's user"
	answer, err := a.get(ctx, op, "/api/v5/users/me", nil)
	if err != nil && !survivable(err) {
		return "", err
	}
	id := ""
	if err == nil {
		if id = wire.Word(fields(answer.Body)["id"]); !uuid.MatchString(id) {
			id = ""
		}
	}
	a.me.Store(&id)
	return id, nil
}
