package giosg

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
)

var errOtherOrg = error(&providers.Setting{Key: "account_id", Reason: "the token belongs to a user of another organization; set the id of that organization, or a token of this one"})

const (
	adviceRooms   = "The token's user may not list the organization's rooms and probably does not see the chats of all of them; use the token of a user who manages all rooms."
	adviceFilters = "The filters has_user_messages, has_visitor_messages, is_ended and open_chats leave chats out."
	adviceUnknown = "The platform does not report whether the token's user sees the chats of every room; make sure that the user manages all rooms."
)

// Probe checks that the token gives access to the organization and how much of it, and that the keys decrypt the chats on the
// first page of each list.
func (a *account) Probe(ctx context.Context) (providers.Probe, error) {
	if err := a.checkOrganization(ctx); err != nil {
		return providers.Probe{}, err
	}
	var chats []row
	for _, l := range a.lists {
		p, err := a.page(ctx, l, "")
		if err != nil {
			return providers.Probe{}, err
		}
		chats = append(chats, p.rows...)
	}
	found, err := a.visibility(ctx)
	found.Unreadable = a.keys.unfit(chats)
	return found, err
}

// unfit describes chats that no private key decrypts. It returns "" if all can be decrypted.
func (k keyring) unfit(chats []row) string {
	encrypted, closed := 0, 0
	for _, chat := range chats {
		wrapped := wire.Text(chat.fields["encrypted_symmetric_key"])
		if wrapped == nil {
			continue
		}
		encrypted++
		if s, _ := k.unwrap(*wrapped); s == nil {
			closed++
		}
	}
	switch {
	case closed == 0:
		return ""
	case len(k) == 0:
		return fmt.Sprintf("%d of the %d checked chats are encrypted, but secrets.private_keys is missing", encrypted, len(chats))
	}
	return fmt.Sprintf("secrets.private_keys has no key that decrypts %d of the %d checked encrypted chats", closed, encrypted)
}

// visibility checks whether the token's user sees the chats of all rooms.
func (a *account) visibility(ctx context.Context) (providers.Probe, error) {
	const op = "check for the rooms"
	_, err := a.get(ctx, op, a.partPath(kindRooms), url.Values{"include_deleted": {"true"}})
	switch {
	case err != nil && !survivable(err):
		return providers.Probe{}, err
	case err != nil && len(a.rooms) == 0:
		return providers.Probe{Visibility: providers.VisibilityPartial, Advice: adviceRooms}, nil
	case len(a.query) > 1 || a.leaveOpen:
		return providers.Probe{Visibility: providers.VisibilityUnknown, Advice: adviceFilters}, nil
	}
	return providers.Probe{Visibility: providers.VisibilityUnknown, Advice: adviceUnknown}, nil
}

// checkOrganization compares the organization of the token's user with the configured one. Apps and some tokens have no user; the
// list shows what they can read.
func (a *account) checkOrganization(ctx context.Context) error {
	const op = "check the token"
	// The vendor's developer documentation, guidelines.
	answer, err := a.get(ctx, op, "/api/v5/users/me", nil)
	switch {
	case err != nil && (rest.Gone(err) || errors.Is(err, errRefused)):
		return nil
	case err != nil:
		return err
	}
	o := fields(answer.Body)
	if o == nil {
		return rest.Malformed(op, wire.ErrShape)
	}
	if org := wire.Word(o["organization_id"]); org != "" && !strings.EqualFold(org, a.id) {
		return &providers.Error{Kind: providers.Denied, Op: op, Status: answer.Status, Err: errOtherOrg}
	}
	return nil
}
