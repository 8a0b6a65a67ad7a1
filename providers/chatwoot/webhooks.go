package chatwoot

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
)

// pushedEvents are the events that readPush finds conversations in.
var pushedEvents = []string{"conversation_created", "conversation_status_changed", "conversation_updated", "message_created", "message_updated"}

// Webhooks requests the webhooks of the account. app/controllers/api/v1/accounts/webhooks_controller.rb
func (a *account) Webhooks(ctx context.Context) ([]providers.Webhook, error) {
	const op = "list webhooks"
	answer, err := a.get(ctx, op, "/webhooks", nil)
	if err != nil {
		return nil, err
	}
	rows := wire.Field(wire.Field(answer.Body, "payload"), "webhooks")
	if wire.IsNull(rows) || rows[0] != '[' {
		return nil, rest.Malformed(op, wire.ErrShape)
	}
	all := []providers.Webhook{}
	for _, row := range wire.Items(rows) {
		w, ok := webhook(row)
		if !ok {
			return nil, rest.Malformed(op, wire.ErrShape)
		}
		all = append(all, w)
	}
	return all, nil
}

// CreateWebhook makes a webhook for everything that happens to conversations and messages.
func (a *account) CreateWebhook(ctx context.Context, address string) (providers.Webhook, error) {
	const op = "create webhook"
	answer, err := a.http.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: a.root + "/webhooks", Once: true,
		JSON: map[string]any{"webhook": map[string]any{"url": address, "subscriptions": pushedEvents}},
	})
	if err == nil {
		err = refusal(op, answer)
	}
	if err != nil {
		return providers.Webhook{}, err
	}
	w, ok := webhook(wire.Field(wire.Field(answer.Body, "payload"), "webhook"))
	if !ok || w.URL != address {
		return providers.Webhook{}, rest.Malformed(op, wire.ErrShape)
	}
	return w, nil
}

// DeleteWebhook removes a webhook. The server's answer has no body, so the list tells whether it is gone.
func (a *account) DeleteWebhook(ctx context.Context, id string) error {
	const op = "delete webhook"
	answer, err := a.http.Do(ctx, rest.Request{Op: op, Method: http.MethodDelete, Path: a.root + "/webhooks/" + url.PathEscape(id), Once: true})
	if err == nil {
		return refusal(op, answer)
	}
	if !providers.Uncertain(err) {
		return err
	}
	left, failed := a.Webhooks(ctx)
	if failed == nil && !slices.ContainsFunc(left, func(w providers.Webhook) bool { return w.ID == id }) {
		return nil
	}
	return err
}

func webhook(row wire.Value) (w providers.Webhook, ok bool) {
	w.ID, w.URL, w.Secret = wire.Word(wire.Field(row, "id")), wire.Word(wire.Field(row, "url")), wire.Word(wire.Field(row, "secret"))
	for _, event := range wire.Items(wire.Field(row, "subscriptions")) {
		w.Events = append(w.Events, wire.Word(event))
	}
	return w, w.ID != "" && w.URL != ""
}
