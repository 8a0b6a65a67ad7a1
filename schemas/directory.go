package schemas

import "time"

// The tables of an account's directory, in the order of the lake, after those of the conversations.
var (
	Agents = table("agents", "",
		text("agent_id", func(r *Agent) string { return r.AgentID }),
		instant("observed_at", func(r *Agent) time.Time { return r.ObservedAt }),
		text("type", func(r *Agent) string { return r.Type }).dictionary(),
		optText("name", func(r *Agent) *string { return r.Name }),
		optText("email", func(r *Agent) *string { return r.Email }),
		optText("role", func(r *Agent) *string { return r.Role }).dictionary(),
		textMap("attributes", func(r *Agent) map[string]*string { return r.Attributes }),
	)

	Contacts = table("contacts", "created_at",
		text("contact_id", func(r *Contact) string { return r.ContactID }),
		instant("observed_at", func(r *Contact) time.Time { return r.ObservedAt }),
		optText("name", func(r *Contact) *string { return r.Name }),
		optText("email", func(r *Contact) *string { return r.Email }),
		optText("phone", func(r *Contact) *string { return r.Phone }),
		optText("identifier", func(r *Contact) *string { return r.Identifier }),
		optInstant("created_at", func(r *Contact) *time.Time { return r.CreatedAt }),
		optInstant("last_activity_at", func(r *Contact) *time.Time { return r.LastActivityAt }),
		textMap("attributes", func(r *Contact) map[string]*string { return r.Attributes }),
	)

	Groups = table("groups", "",
		text("group_id", func(r *Group) string { return r.GroupID }),
		instant("observed_at", func(r *Group) time.Time { return r.ObservedAt }),
		optText("name", func(r *Group) *string { return r.Name }),
		optText("description", func(r *Group) *string { return r.Description }).large(),
		textMap("attributes", func(r *Group) map[string]*string { return r.Attributes }),
	)

	Channels = table("channels", "",
		text("channel_id", func(r *Channel) string { return r.ChannelID }),
		instant("observed_at", func(r *Channel) time.Time { return r.ObservedAt }),
		optText("name", func(r *Channel) *string { return r.Name }),
		optText("type", func(r *Channel) *string { return r.Type }).dictionary(),
		textMap("attributes", func(r *Channel) map[string]*string { return r.Attributes }),
	)

	Labels = table("labels", "",
		text("label_id", func(r *Label) string { return r.LabelID }),
		instant("observed_at", func(r *Label) time.Time { return r.ObservedAt }),
		optText("title", func(r *Label) *string { return r.Title }),
		optText("description", func(r *Label) *string { return r.Description }).large(),
		optText("color", func(r *Label) *string { return r.Color }),
		textMap("attributes", func(r *Label) map[string]*string { return r.Attributes }),
	)

	Fields = table("fields", "",
		text("field_id", func(r *Field) string { return r.FieldID }),
		instant("observed_at", func(r *Field) time.Time { return r.ObservedAt }),
		optText("key", func(r *Field) *string { return r.Key }),
		optText("name", func(r *Field) *string { return r.Name }),
		optText("type", func(r *Field) *string { return r.Type }).dictionary(),
		optText("applies_to", func(r *Field) *string { return r.AppliesTo }).dictionary(),
		texts("choices", func(r *Field) []string { return r.Choices }),
		textMap("attributes", func(r *Field) map[string]*string { return r.Attributes }),
	)
)

// Shapes returns the shapes of all tables, in the order of the lake.
func Shapes() []Shape {
	return []Shape{
		Conversations.Shape, Messages.Shape, Participants.Shape, Events.Shape, Ratings.Shape, Attachments.Shape,
		Documents.Shape, DeadLetters.Shape, Tombstones.Shape,
		Agents.Shape, Contacts.Shape, Groups.Shape, Channels.Shape, Labels.Shape, Fields.Shape,
		Audits.Shape,
	}
}
