package worker

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/chatlake/chatlake/providers"
)

// A Webhook is a place to which a platform sends its announcements.
type Webhook struct {
	ID string `json:"id"`
	// Address is its URL without the last part of its path, which may be a secret.
	Address string   `json:"address"`
	Events  []string `json:"events"`
	// Signed means that the platform shows a secret which it signs announcements with.
	Signed bool   `json:"signed"`
	secret string // never printed
}

// Secret is what the platform signs announcements with, or empty.
func (w Webhook) Secret() string { return w.secret }

func webhookOf(w providers.Webhook) Webhook {
	return Webhook{ID: w.ID, Address: withoutSecret(w.URL), Events: w.Events, Signed: w.Secret != "", secret: w.Secret}
}

// withoutSecret replaces the last part of the path of a URL, and its query.
func withoutSecret(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "an address that cannot be read"
	}
	short := u.Scheme + "://" + u.Host
	if i := strings.LastIndex(u.Path, "/"); i >= 0 && i < len(u.Path)-1 {
		return short + u.Path[:i+1] + "..."
	}
	return short + u.Path
}

// keeper opens an account whose platform has an API for webhooks. The error for others says where to read what to do.
func (c Config) keeper(account string) (providers.WebhookKeeper, error) {
	_, reader, err := c.Open(account)
	if err != nil {
		return nil, err
	}
	keeper, ok := reader.(providers.WebhookKeeper)
	if !ok {
		return nil, c.Problem("accounts."+account+".provider", fmt.Sprintf(
			"%s has no API for this; docs/webhooks.md has the steps by which a person sets it up", c.Accounts[account].Provider))
	}
	return keeper, nil
}

// Webhooks lists the webhooks of an account.
func (c Config) Webhooks(ctx context.Context, account string) ([]Webhook, error) {
	keeper, err := c.keeper(account)
	if err != nil {
		return nil, err
	}
	found, err := keeper.Webhooks(ctx)
	all := []Webhook{}
	for _, w := range found {
		all = append(all, webhookOf(w))
	}
	return all, err
}

// CreateWebhook makes a webhook for a URL, or finds the one that is there; made says which. If the answer is lost, it looks whether the
// webhook was made.
func (c Config) CreateWebhook(ctx context.Context, account, address string) (w Webhook, made bool, err error) {
	keeper, err := c.keeper(account)
	if err != nil {
		return w, false, err
	}
	find := func() (Webhook, bool, error) {
		all, err := keeper.Webhooks(ctx)
		i := slices.IndexFunc(all, func(w providers.Webhook) bool { return w.URL == address })
		if err != nil || i < 0 {
			return Webhook{}, false, err
		}
		return webhookOf(all[i]), true, nil
	}
	if w, found, err := find(); err != nil || found {
		return w, false, err
	}
	created, err := keeper.CreateWebhook(ctx, address)
	if err == nil {
		return webhookOf(created), true, nil
	}
	if providers.Uncertain(err) {
		if w, found, failed := find(); failed == nil && found {
			return w, true, nil
		}
	}
	return w, false, err
}

// DeleteWebhook removes a webhook.
func (c Config) DeleteWebhook(ctx context.Context, account, id string) error {
	keeper, err := c.keeper(account)
	if err != nil {
		return err
	}
	return keeper.DeleteWebhook(ctx, id)
}
