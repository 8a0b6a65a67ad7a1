package schemas

// What a thread's digest is of: its rows as encoding/json writes them, field by field, but for when they were observed and for
// what is set when a shard is sealed. A field that is added to a row has to be added here too; a test holds this to encoding/json.

func (o *outline) thread(t *Thread) {
	o.open("Conversation", '{')
	o.conversation(&t.Conversation)
	o.close('}')
	rowsOf(o, "Messages", t.Messages, (*outline).message)
	rowsOf(o, "Participants", t.Participants, (*outline).participant)
	rowsOf(o, "Events", t.Events, (*outline).event)
	rowsOf(o, "Ratings", t.Ratings, (*outline).rating)
	rowsOf(o, "Attachments", t.Attachments, (*outline).attachment)
	rowsOf(o, "Tombstones", t.Tombstones, (*outline).tombstone)
}

func (o *outline) conversation(c *Conversation) {
	o.text("ConversationID", c.ConversationID)
	o.unobserved()
	o.optText("Subject", c.Subject)
	o.optText("Status", c.Status)
	o.optText("State", c.State)
	o.optText("ChannelID", c.ChannelID)
	o.optText("ChannelName", c.ChannelName)
	o.optText("ChannelType", c.ChannelType)
	o.optInstant("CreatedAt", c.CreatedAt)
	o.optInstant("UpdatedAt", c.UpdatedAt)
	o.optInstant("FirstReplyAt", c.FirstReplyAt)
	o.optInstant("ClosedAt", c.ClosedAt)
	o.optInstant("LastActivityAt", c.LastActivityAt)
	o.optText("ContactID", c.ContactID)
	o.optText("AssigneeID", c.AssigneeID)
	o.optText("GroupID", c.GroupID)
	o.optText("Priority", c.Priority)
	o.optText("Language", c.Language)
	o.optText("SourceURL", c.SourceURL)
	o.optBoolean("IsEncrypted", c.IsEncrypted)
	o.optInteger("StatedMessages", nil)
	o.integer("StoredMessages", 0)
	o.texts("Tags", c.Tags)
	o.pairs("Attributes", c.Attributes)
	o.optInteger("SourceVersion", c.SourceVersion)
	o.text("ContentSHA256", "")
}

func (o *outline) message(m *Message) {
	o.text("ConversationID", m.ConversationID)
	o.text("MessageID", m.MessageID)
	o.unobserved()
	o.integer("Sequence", m.Sequence)
	o.optInstant("CreatedAt", m.CreatedAt)
	o.optText("AuthorID", m.AuthorID)
	o.optText("AuthorType", m.AuthorType)
	o.optText("AuthorName", m.AuthorName)
	o.optText("Direction", m.Direction)
	o.text("Kind", m.Kind)
	o.boolean("IsPrivate", m.IsPrivate)
	o.optText("Text", m.Text)
	o.optText("HTML", m.HTML)
	o.optText("ContentType", m.ContentType)
	o.optText("ReplyTo", m.ReplyTo)
	rowsOf(o, "Parts", m.Parts, (*outline).part)
	o.boolean("IsDeleted", m.IsDeleted)
	o.optInstant("DeletedAt", m.DeletedAt)
	o.optText("DeliveryStatus", m.DeliveryStatus)
	o.pairs("Attributes", m.Attributes)
}

func (o *outline) part(p *Part) {
	o.text("Type", p.Type)
	o.optText("Text", p.Text)
	o.optText("URL", p.URL)
	o.optText("Name", p.Name)
	o.optText("ContentType", p.ContentType)
	o.optInteger("Bytes", p.Bytes)
	o.optText("Label", p.Label)
	o.optText("Payload", p.Payload)
}

func (o *outline) participant(p *Participant) {
	o.text("ConversationID", p.ConversationID)
	o.text("ParticipantID", p.ParticipantID)
	o.unobserved()
	o.text("Type", p.Type)
	o.text("Role", p.Role)
	o.optText("Name", p.Name)
	o.optText("Email", p.Email)
	o.optText("Phone", p.Phone)
	o.optInstant("JoinedAt", p.JoinedAt)
	o.optInstant("LeftAt", p.LeftAt)
	o.pairs("Attributes", p.Attributes)
}

func (o *outline) event(e *Event) {
	o.text("ConversationID", e.ConversationID)
	o.text("EventID", e.EventID)
	o.unobserved()
	o.text("Kind", e.Kind)
	o.optInstant("CreatedAt", e.CreatedAt)
	o.optText("ActorID", e.ActorID)
	o.optText("ActorType", e.ActorType)
	o.optText("MessageID", e.MessageID)
	o.optText("Text", e.Text)
	o.pairs("Attributes", e.Attributes)
}

func (o *outline) rating(r *Rating) {
	o.text("ConversationID", r.ConversationID)
	o.text("RatingID", r.RatingID)
	o.unobserved()
	o.text("Kind", r.Kind)
	o.optNumber("Score", r.Score)
	o.optText("Comment", r.Comment)
	o.optInstant("AskedAt", r.AskedAt)
	o.optInstant("AnsweredAt", r.AnsweredAt)
	o.optText("MessageID", r.MessageID)
	o.optText("AgentID", r.AgentID)
	o.optText("ContactID", r.ContactID)
	rowsOf(o, "Answers", r.Answers, (*outline).answer)
}

func (o *outline) answer(a *Answer) {
	o.optText("Question", a.Question)
	o.optText("Answer", a.Answer)
}

func (o *outline) attachment(a *Attachment) {
	o.text("ConversationID", a.ConversationID)
	o.text("AttachmentID", a.AttachmentID)
	o.unobserved()
	o.optText("MessageID", a.MessageID)
	o.text("Kind", a.Kind)
	o.optText("Name", a.Name)
	o.optText("ContentType", a.ContentType)
	o.optInteger("Bytes", a.Bytes)
	o.optText("URL", a.URL)
	o.optInteger("Width", a.Width)
	o.optInteger("Height", a.Height)
	o.optInstant("CreatedAt", a.CreatedAt)
	o.pairs("Attributes", a.Attributes)
}

func (o *outline) tombstone(t *Tombstone) {
	o.text("ConversationID", t.ConversationID)
	o.unobserved()
	o.optText("MessageID", t.MessageID)
	o.text("Reason", t.Reason)
}
