package providers

import "context"

// Webhook is a place to which a platform sends its announcements.
type Webhook struct {
	ID     string   // the platform's
	URL    string   // may contain a secret in its path
	Events []string // what is announced there, in the platform's words
	// Secret is what announcements are signed with; empty if the platform does not show or does not have it.
	Secret string
}

// WebhookKeeper is a Reader whose platform lets programs keep the places of its announcements. Elsewhere, people set them up by hand.
type WebhookKeeper interface {
	Webhooks(ctx context.Context) ([]Webhook, error)
	// CreateWebhook makes a place for everything that Push reads. It asks once: an error for which Uncertain is true may have come after
	// the place was made.
	CreateWebhook(ctx context.Context, url string) (Webhook, error)
	// DeleteWebhook removes a place. One that does not exist is an error of the kind NotFound.
	DeleteWebhook(ctx context.Context, id string) error
}
