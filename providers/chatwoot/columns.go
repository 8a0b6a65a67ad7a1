package chatwoot

// columns says what columns hold where platforms differ. docs/mapping-chatwoot.md tells it in full.
var columns = map[string]string{
	"conversations.status":           "open, pending, snoozed or resolved",
	"conversations.state":            "closed where status is resolved",
	"conversations.created_at":       "created_at, else timestamp",
	"conversations.updated_at":       "updated_at; null before Chatwoot 4.0.2",
	"conversations.first_reply_at":   "first_reply_created_at",
	"conversations.last_activity_at": "last_activity_at, else timestamp",
	"conversations.source_version":   "updated_at, else the last activity",
	"conversations.listed_version":   "updated_at, else the last activity, in microseconds; then the last activity in seconds",
	"conversations.tags":             "labels",
	"messages.author_type":           "by the type of the sender: user is agent, agent_bot and captain_assistant are bot; system for automation rules and for messages out without a sender",
	"messages.kind":                  "by message_type: incoming and outgoing are message, or note if private and outgoing; activity and template stay",
	"messages.created_at":            "created_at, or external_created_at of an imported message",
	"messages.is_deleted":            "content_attributes.deleted",
	"messages.delivery_status":       "status",
	"events.kind":                    "activity, story_mention, or the name of a reporting event",
	"ratings.kind":                   "csat",
	"ratings.score":                  "rating of the answered survey",
	"ratings.agent_id":               "the agent of the response; known to the directory only",
	"ratings.answered_at":            "created_at of the response; known to the directory only",
	"participants.role":              "contact, assignee, participant or sender",
}
