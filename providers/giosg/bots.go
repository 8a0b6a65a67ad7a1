package giosg

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// bots is the list of the organization's users, read once per process. Nothing in a chat says which of them are bots.
type bots struct {
	free   chan struct{} // contains a value while the other fields are free to use
	users  map[string]bool
	readAt time.Time
}

func newBots() *bots {
	b := &bots{free: make(chan struct{}, 1)}
	b.free <- struct{}{}
	return b
}

// rereadAfter is how old the list must be before an unknown user causes another read.
const rereadAfter = 10 * time.Minute

// bots returns a document with the organization's bots, in the form of a collection. It returns nil if no members are users, if
// there are no bots, or if the token's user may not read the list.
func (r reader) bots(ctx context.Context, members []string) (*schemas.Document, error) {
	b := r.account.bots
	if len(members) == 0 {
		return nil, nil
	}
	select {
	case <-b.free:
		defer func() { b.free <- struct{}{} }()
	case <-ctx.Done():
		return nil, &providers.Error{Kind: providers.Transient, Op: "list " + kindUsers, Err: context.Cause(ctx)}
	}
	unknown := func(id string) bool { _, ok := b.users[id]; return !ok }
	if b.readAt.IsZero() || slices.ContainsFunc(members, unknown) && time.Since(b.readAt) > rereadAfter {
		users, err := r.users(ctx)
		if err != nil {
			return nil, err
		}
		b.users, b.readAt = users, time.Now()
	}
	type row struct {
		ID    string `json:"id"`
		IsBot bool   `json:"is_bot"`
	}
	var page struct {
		Results []row `json:"results"`
	}
	for _, id := range slices.Sorted(maps.Keys(b.users)) {
		if b.users[id] {
			page.Results = append(page.Results, row{id, true})
		}
	}
	if len(page.Results) == 0 {
		return nil, nil
	}
	body, err := json.Marshal(page)
	if err != nil {
		return nil, rest.Malformed("list the bots", err)
	}
	return &schemas.Document{
		Kind: kindBots, ConversationID: r.ref.ID, Status: statusOK, ObservedAt: b.readAt.UTC().Truncate(time.Microsecond), Body: body,
	}, nil
}

// users returns the organization's users; the value is true for bots. It is empty if the token's user may not read the list.
func (a *account) users(ctx context.Context) (map[string]bool, error) {
	users := map[string]bool{}
	for at := (step{part: kindUsers}); ; {
		page, err := a.directoryPage(ctx, at)
		if err != nil {
			return nil, err
		}
		err = eachRow(page.Documents, kindUsers, func(_ schemas.Document, v value) {
			o := fields(v)
			users[wire.Word(o["id"])] = isBot(o)
		})
		if err != nil {
			return nil, rest.Malformed("list "+kindUsers, err)
		}
		next, err := a.parseStep(page.Next)
		if err != nil {
			return nil, rest.Malformed("list "+kindUsers, err)
		}
		if next.part != kindUsers || page.Next == "" {
			return users, nil
		}
		at = next
	}
}
