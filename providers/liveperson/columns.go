package liveperson

// columns says what columns hold where platforms differ. docs/mapping-liveperson.md tells it in full.
var columns = map[string]string{
	"conversations.status":          "OPEN or CLOSE",
	"conversations.state":           "open where status is OPEN, closed where it is CLOSE",
	"conversations.created_at":      "info.startTime",
	"conversations.updated_at":      "info.lastUpdateTime",
	"conversations.closed_at":       "info.conversationEndTime, else info.endTime",
	"conversations.channel_type":    "info.source: APP, SHARK (web), SMS and others",
	"conversations.source_version":  "info.lastUpdateTime, else the newest time in any of its rows",
	"conversations.listed_version":  "info.lastUpdateTime, else for a conversation that is over its last end, in milliseconds",
	"conversations.stated_messages": "null, except for a record that stays partial: more than it has, so that the difference shows",
	"messages.author_type":          "by sentBy: Consumer is contact, Bot is bot, Controller and System are system; for Agent, by the type of the participant",
	"messages.kind":                 "message; if its audience is not ALL, note, or activity if the system wrote it; template from the system to the consumer",
	"messages.delivery_status":      "the furthest of SENT, NACK, ACCEPT, READ and ACTION",
	"events.kind":                   "agent_joined, agent_left, transfer, interaction, dialog, survey, sde and others, by the list of the record that it is from",
	"ratings.kind":                  "csat, nps, ces, agent_survey, or the type of a survey",
	"ratings.score":                 "csatRate, nps, or a valid numeric answer of a survey",
	"ratings.answered_at":           "time of the consumer's message that is the answer, else of their last one in the survey, else the end of the survey",
	"ratings.agent_id":              "the agent who had the conversation when the survey was asked, or when the conversation ended",
}
