package freshchat

import (
	"fmt"
	"strings"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
)

func (s *Site) messageRow(h unified) schemas.Message {
	row := schemas.Message{
		ConversationID: h.conversation.UUID, MessageID: h.key(), CreatedAt: at(h.at), AuthorID: text(h.actor),
		AuthorType: text(map[string]string{"user": "contact", "agent": "agent", "bot": "bot", "system": "system"}[h.actorType]),
		Kind:       "message", Direction: text("out"), Attributes: map[string]*string{},
	}
	switch h.Kind {
	case simulator.In:
		row.Direction = text("in")
	case simulator.Note:
		row.Kind, row.Direction, row.IsPrivate = "note", text("none"), true
	case simulator.Activity:
		row.Kind, row.Direction = "activity", text("none")
	}
	parts, replies := contents(h.Message)
	for _, c := range parts {
		row.Parts = append(row.Parts, c.row())
	}
	row.Text, row.HTML = read(h.Message, parts)
	add(row.Attributes, "message_source", h.source)
	if h.line {
		add(row.Attributes, "detailed_message_type", h.detailed)
	}
	if !h.rest {
		s.transcriptAttributes(h, row.Attributes)
		return row
	}
	for _, c := range replies {
		row.Parts = append(row.Parts, c.row())
	}
	if len(replies) > 0 {
		add(row.Attributes, "reply_parts", fmt.Sprint(len(replies)))
	}
	if h.ReplyTo != 0 {
		row.ReplyTo = text(uuid(ofMessage, h.ReplyTo))
	}
	add(row.Attributes, "app_id", appID)
	add(row.Attributes, "channel_id", uuid(ofChannel, h.conversation.ChannelID))
	if !h.old {
		add(row.Attributes, "bots_input", "false")
		add(row.Attributes, "restrictResponse", "false")
		add(row.Attributes, "freshchat_conversation_id", internalID(h.conversation.Number))
		add(row.Attributes, "interaction_id", h.interaction())
		add(row.Attributes, "user_id", uuid(ofUser, h.conversation.PersonID))
		add(row.Attributes, "org_actor_id", h.org)
	}
	if h.resolves() {
		add(row.Attributes, "meta_data.isResolved", "true")
	}
	if h.reopens() {
		add(row.Attributes, "meta_data.isReopen", "true")
	}
	return row
}

// transcriptAttributes are the attributes of a message that only the transcript has: the cells of its row.
func (s *Site) transcriptAttributes(h unified, to map[string]*string) {
	who := s.actor(h.sent)
	channel, _ := s.corpus.ChannelByID(h.conversation.ChannelID)
	add(to, "actor_email", who.email)
	add(to, "actor_first_name", who.first)
	add(to, "actor_last_name", who.last)
	add(to, "channel_id", uuid(ofChannel, channel.ID))
	add(to, "channel_name", channel.Name)
	add(to, "conversation_url", inboxURL(h.conversation.Outline))
	add(to, "customer_id", uuid(ofUser, h.conversation.PersonID))
	add(to, "lane", "transcript")
}

// event is the kind of event for an activity.
func (h unified) event() string {
	switch {
	case h.resolves():
		return "conversation_resolved"
	case h.reopens():
		return "conversation_reopened"
	case h.line && h.detailed == "STATUS_CHANGE_ASSIGNED":
		return "conversation_assigned"
	case h.line:
		return strings.ToLower(h.detailed)
	}
	return "activity"
}

// row is a part as stored in a row.
func (c content) row() schemas.Part {
	p := schemas.Part{Type: c.kind}
	if len(c.more) > 0 {
		p.Payload = text(string(encode(c.more)))
	}
	switch c.kind {
	case "text":
		p.Text = text(c.text)
	case "image":
		p.URL = text(c.url)
	case "file":
		p.Name, p.URL, p.ContentType, p.Bytes = text(c.name), text(c.url), text(c.contentType), new(c.bytes)
	case "video", "audio":
		p.URL, p.ContentType = text(c.url), text(c.contentType)
	case "email":
		p.Label, p.Text = text(c.label), text(c.text)
	case "url_button":
		p.Type, p.URL, p.Label = "button", text(c.url), text(c.label)
	case "quick_reply_button":
		p.Type, p.Text, p.Label = "quick_reply", text(c.text), text(c.label)
	case "template_content":
		p.Type, p.Label = "template", text(c.label)
	case "callback", "reference":
		p.Label = text(c.label)
	}
	return p
}

// attachments are the files of a message, including those on its cards.
func (h unified) attachments(row schemas.Message) []schemas.Attachment {
	var all []schemas.Attachment
	parts, _ := contents(h.Message)
	for _, c := range parts {
		switch c.kind {
		case "collection":
			c = content{kind: "image", url: cardImage}
		case "image", "file", "video", "audio":
		default:
			continue
		}
		part := c.row()
		a := schemas.Attachment{
			ConversationID: row.ConversationID, AttachmentID: fmt.Sprintf("%s/%d", row.MessageID, len(all)), MessageID: &row.MessageID,
			Kind: c.kind, Name: part.Name, ContentType: part.ContentType, Bytes: part.Bytes, URL: part.URL, CreatedAt: row.CreatedAt,
			Attributes: map[string]*string{},
		}
		for i := 0; i+1 < len(c.more); i += 2 {
			add(a.Attributes, c.more[i].(string), c.more[i+1])
		}
		all = append(all, a)
	}
	return all
}
