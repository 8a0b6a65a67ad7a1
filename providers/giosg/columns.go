package giosg

// columns says what columns hold where platforms differ. docs/mapping-giosg.md tells it in full.
var columns = map[string]string{
	"conversations.status":           "legacy_conversation_state",
	"conversations.state":            "closed where is_ended, pending where is_waiting or is_pending, else open",
	"conversations.updated_at":       "updated_at",
	"conversations.closed_at":        "ended_at",
	"conversations.first_reply_at":   "first message of a user who is not a bot",
	"conversations.last_activity_at": "latest row of the chat, of any type",
	"conversations.source_version":   "the later of updated_at and last_activity_at",
	"conversations.stated_messages":  "message_count, which counts rows of type msg, and the stored messages that it does not count",
	"conversations.tags":             "names of the tags",
	"messages.author_type":           "by sender_type: visitor is contact, user is agent or bot, rule is bot; others as sent",
	"messages.kind":                  "by type: msg and action are message, autosuggest is template; others as sent",
	"messages.is_deleted":            "whether sensitive_data_purged_at is set",
	"events.kind":                    "join, leave, tag_created, system or shoppingcart_locked",
	"participants.role":              "contact or participant",
	"participants.left_at":           "the last row of type leave, unless a join follows it",
	"attachments.kind":               "image or file",
}
