package schemas

import "time"

// The tables of the conversations, in the order of the lake. New columns are added to the end of a table and are optional.
var (
	Conversations = table("conversations", "created_at",
		text("conversation_id", func(r *Conversation) string { return r.ConversationID }),
		instant("observed_at", func(r *Conversation) time.Time { return r.ObservedAt }).undigested(),
		optText("subject", func(r *Conversation) *string { return r.Subject }).large(),
		optText("status", func(r *Conversation) *string { return r.Status }).dictionary(),
		optText("state", func(r *Conversation) *string { return r.State }).dictionary(),
		optText("channel_id", func(r *Conversation) *string { return r.ChannelID }).dictionary(),
		optText("channel_name", func(r *Conversation) *string { return r.ChannelName }).dictionary(),
		optText("channel_type", func(r *Conversation) *string { return r.ChannelType }).dictionary(),
		optInstant("created_at", func(r *Conversation) *time.Time { return r.CreatedAt }),
		optInstant("updated_at", func(r *Conversation) *time.Time { return r.UpdatedAt }),
		optInstant("first_reply_at", func(r *Conversation) *time.Time { return r.FirstReplyAt }),
		optInstant("closed_at", func(r *Conversation) *time.Time { return r.ClosedAt }),
		optInstant("last_activity_at", func(r *Conversation) *time.Time { return r.LastActivityAt }),
		optText("contact_id", func(r *Conversation) *string { return r.ContactID }),
		optText("assignee_id", func(r *Conversation) *string { return r.AssigneeID }).dictionary(),
		optText("group_id", func(r *Conversation) *string { return r.GroupID }).dictionary(),
		optText("priority", func(r *Conversation) *string { return r.Priority }).dictionary(),
		optText("language", func(r *Conversation) *string { return r.Language }).dictionary(),
		optText("source_url", func(r *Conversation) *string { return r.SourceURL }).large(),
		optBoolean("is_encrypted", func(r *Conversation) *bool { return r.IsEncrypted }),
		optInteger("stated_messages", func(r *Conversation) *int64 { return r.StatedMessages }).undigested(),
		integer("stored_messages", func(r *Conversation) int64 { return r.StoredMessages }).undigested(),
		texts("tags", func(r *Conversation) []string { return r.Tags }).dictionary(),
		textMap("attributes", func(r *Conversation) map[string]*string { return r.Attributes }),
		optInteger("source_version", func(r *Conversation) *int64 { return r.SourceVersion }),
		text("content_sha256", func(r *Conversation) string { return r.ContentSHA256 }).undigested().large(),
		optText("listed_version", func(r *Conversation) *string { return r.ListedVersion }).undigested().large().since(2),
		optInstant("gone_at", func(r *Conversation) *time.Time { return r.GoneAt }).undigested().since(2),
	)

	Messages = table("messages", "created_at",
		text("conversation_id", func(r *Message) string { return r.ConversationID }).dictionary(),
		text("message_id", func(r *Message) string { return r.MessageID }),
		instant("observed_at", func(r *Message) time.Time { return r.ObservedAt }).undigested().dictionary(),
		integer("sequence", func(r *Message) int64 { return r.Sequence }).dictionary(),
		optInstant("created_at", func(r *Message) *time.Time { return r.CreatedAt }),
		optText("author_id", func(r *Message) *string { return r.AuthorID }).dictionary(),
		optText("author_type", func(r *Message) *string { return r.AuthorType }).dictionary(),
		optText("author_name", func(r *Message) *string { return r.AuthorName }).dictionary(),
		optText("direction", func(r *Message) *string { return r.Direction }).dictionary(),
		text("kind", func(r *Message) string { return r.Kind }).dictionary(),
		boolean("is_private", func(r *Message) bool { return r.IsPrivate }),
		optText("text", func(r *Message) *string { return r.Text }).large(),
		optText("html", func(r *Message) *string { return r.HTML }).large(),
		optText("content_type", func(r *Message) *string { return r.ContentType }).dictionary(),
		optText("reply_to", func(r *Message) *string { return r.ReplyTo }),
		structs("parts", func(r *Message) []Part { return r.Parts },
			text("type", func(p *Part) string { return p.Type }).dictionary(),
			optText("text", func(p *Part) *string { return p.Text }).large(),
			optText("url", func(p *Part) *string { return p.URL }).large(),
			optText("name", func(p *Part) *string { return p.Name }),
			optText("content_type", func(p *Part) *string { return p.ContentType }).dictionary(),
			optInteger("bytes", func(p *Part) *int64 { return p.Bytes }),
			optText("label", func(p *Part) *string { return p.Label }),
			optText("payload", func(p *Part) *string { return p.Payload }).large(),
		),
		boolean("is_deleted", func(r *Message) bool { return r.IsDeleted }),
		optInstant("deleted_at", func(r *Message) *time.Time { return r.DeletedAt }),
		optText("delivery_status", func(r *Message) *string { return r.DeliveryStatus }).dictionary(),
		textMap("attributes", func(r *Message) map[string]*string { return r.Attributes }),
	)

	Participants = table("participants", "",
		text("conversation_id", func(r *Participant) string { return r.ConversationID }),
		text("participant_id", func(r *Participant) string { return r.ParticipantID }),
		instant("observed_at", func(r *Participant) time.Time { return r.ObservedAt }).undigested(),
		text("type", func(r *Participant) string { return r.Type }).dictionary(),
		text("role", func(r *Participant) string { return r.Role }).dictionary(),
		optText("name", func(r *Participant) *string { return r.Name }),
		optText("email", func(r *Participant) *string { return r.Email }),
		optText("phone", func(r *Participant) *string { return r.Phone }),
		optInstant("joined_at", func(r *Participant) *time.Time { return r.JoinedAt }),
		optInstant("left_at", func(r *Participant) *time.Time { return r.LeftAt }),
		textMap("attributes", func(r *Participant) map[string]*string { return r.Attributes }),
	)

	Events = table("events", "created_at",
		text("conversation_id", func(r *Event) string { return r.ConversationID }),
		text("event_id", func(r *Event) string { return r.EventID }),
		instant("observed_at", func(r *Event) time.Time { return r.ObservedAt }).undigested(),
		text("kind", func(r *Event) string { return r.Kind }).dictionary(),
		optInstant("created_at", func(r *Event) *time.Time { return r.CreatedAt }),
		optText("actor_id", func(r *Event) *string { return r.ActorID }),
		optText("actor_type", func(r *Event) *string { return r.ActorType }).dictionary(),
		optText("message_id", func(r *Event) *string { return r.MessageID }),
		optText("text", func(r *Event) *string { return r.Text }).large(),
		textMap("attributes", func(r *Event) map[string]*string { return r.Attributes }),
	)

	Ratings = table("ratings", "answered_at",
		text("conversation_id", func(r *Rating) string { return r.ConversationID }),
		text("rating_id", func(r *Rating) string { return r.RatingID }),
		instant("observed_at", func(r *Rating) time.Time { return r.ObservedAt }).undigested(),
		text("kind", func(r *Rating) string { return r.Kind }).dictionary(),
		optNumber("score", func(r *Rating) *float64 { return r.Score }),
		optText("comment", func(r *Rating) *string { return r.Comment }).large(),
		optInstant("asked_at", func(r *Rating) *time.Time { return r.AskedAt }),
		optInstant("answered_at", func(r *Rating) *time.Time { return r.AnsweredAt }),
		optText("message_id", func(r *Rating) *string { return r.MessageID }),
		optText("agent_id", func(r *Rating) *string { return r.AgentID }).dictionary(),
		optText("contact_id", func(r *Rating) *string { return r.ContactID }),
		structs("answers", func(r *Rating) []Answer { return r.Answers },
			optText("question", func(a *Answer) *string { return a.Question }).dictionary(),
			optText("answer", func(a *Answer) *string { return a.Answer }).large(),
		),
	)

	Attachments = table("attachments", "created_at",
		text("conversation_id", func(r *Attachment) string { return r.ConversationID }),
		text("attachment_id", func(r *Attachment) string { return r.AttachmentID }),
		instant("observed_at", func(r *Attachment) time.Time { return r.ObservedAt }).undigested(),
		optText("message_id", func(r *Attachment) *string { return r.MessageID }),
		text("kind", func(r *Attachment) string { return r.Kind }).dictionary(),
		optText("name", func(r *Attachment) *string { return r.Name }),
		optText("content_type", func(r *Attachment) *string { return r.ContentType }).dictionary(),
		optInteger("bytes", func(r *Attachment) *int64 { return r.Bytes }),
		optText("url", func(r *Attachment) *string { return r.URL }).large(),
		optInteger("width", func(r *Attachment) *int64 { return r.Width }),
		optInteger("height", func(r *Attachment) *int64 { return r.Height }),
		optInstant("created_at", func(r *Attachment) *time.Time { return r.CreatedAt }),
		textMap("attributes", func(r *Attachment) map[string]*string { return r.Attributes }),
	)

	// Documents contains bodies as they were sent. A body is in body_text if it is valid UTF-8, which readers can parse as it is; any
	// other body is in body. Files of version 1 have only body, and early files of version 2 have valid UTF-8 in both.
	Documents = table("documents", "",
		optText("conversation_id", func(r *Document) *string { return unlessEmpty(r.ConversationID) }),
		text("kind", func(r *Document) string { return r.Kind }).dictionary(),
		integer("sequence", func(r *Document) int64 { return r.Sequence }),
		integer("status", func(r *Document) int64 { return r.Status }),
		instant("observed_at", func(r *Document) time.Time { return r.ObservedAt }),
		bytesUnlessText("body", func(r *Document) []byte { return r.Body }).large(),
		textOf("body_text", func(r *Document) []byte { return r.Body }).large().since(2),
	)

	DeadLetters = table("dead_letters", "",
		text("conversation_id", func(r *DeadLetter) string { return r.ConversationID }),
		instant("observed_at", func(r *DeadLetter) time.Time { return r.ObservedAt }),
		text("step", func(r *DeadLetter) string { return r.Step }).dictionary(),
		text("error_kind", func(r *DeadLetter) string { return r.ErrorKind }).dictionary(),
		optText("detail", func(r *DeadLetter) *string { return r.Detail }).large(),
		integer("attempts", func(r *DeadLetter) int64 { return r.Attempts }),
	)

	Tombstones = table("tombstones", "",
		text("conversation_id", func(r *Tombstone) string { return r.ConversationID }),
		instant("observed_at", func(r *Tombstone) time.Time { return r.ObservedAt }).undigested(),
		optText("message_id", func(r *Tombstone) *string { return r.MessageID }),
		text("reason", func(r *Tombstone) string { return r.Reason }).dictionary(),
	)
)

func unlessEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
