package freshchat

// columns says what columns hold where platforms differ. docs/mapping-freshchat.md tells it in full.
var columns = map[string]string{
	"conversations.status":           "new, assigned, reopened, resolved, or waiting on the customer or on an internal team",
	"conversations.state":            "open where status is new, assigned or reopened; pending where it is waiting; closed where it is resolved",
	"conversations.updated_at":       "updated_time",
	"conversations.last_activity_at": "time of the last message",
	"conversations.source_version":   "updated_time, else the time of the newest message that it ever had",
	"conversations.stated_messages":  "messages on which REST and the transcript agree, and those outside the range of the transcript; null where only one of the two is read",
	"messages.author_type":           "by actor_type: user is contact; agent, bot and system stay",
	"messages.kind":                  "note where message_type or detailed_message_type says private, activity where the system wrote it, else message",
	"messages.created_at":            "created_time",
	"events.kind":                    "conversation_resolved, conversation_reopened, conversation_assigned, activity, or detailed_message_type; of a report, its name in lower case",
	"ratings.kind":                   "csat",
	"ratings.score":                  "the first of value, csat_score and rating that is a number, in the report CSAT-Score",
	"ratings.answered_at":            "csat_rated_at, else created_at",
	"participants.role":              "contact, assignee or participant",
}
