package chatwoot

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
)

// messageRows adds messages and all rows derived from them.
func (s *Site) messageRows(t simulator.Thread, truth *schemas.Thread) {
	for n, m := range inOrder(t) {
		row := s.messageRow(t, m)
		row.Sequence = int64(n)
		truth.Messages = append(truth.Messages, row)
		if !s.docs() {
			for _, f := range m.Files {
				truth.Attachments = append(truth.Attachments, s.attachmentRow(t, m, f))
			}
		}
		if m.Kind == simulator.Activity {
			truth.Events = append(truth.Events, schemas.Event{
				ConversationID: row.ConversationID, EventID: row.MessageID, Kind: "activity",
				CreatedAt: row.CreatedAt, MessageID: &row.MessageID, Text: row.Text, Attributes: map[string]*string{},
			})
		}
		if m.Survey == simulator.Answered && !m.Deleted {
			truth.Ratings = append(truth.Ratings, schemas.Rating{
				ConversationID: row.ConversationID, RatingID: row.MessageID, Kind: "csat",
				Score: new(float64(m.Rating)), Comment: text(m.Comment), AskedAt: row.CreatedAt,
				MessageID: &row.MessageID, ContactID: text(id(t.PersonID)),
			})
		}
		if m.Deleted {
			truth.Tombstones = append(truth.Tombstones, schemas.Tombstone{
				ConversationID: row.ConversationID, MessageID: &row.MessageID, Reason: "message_deleted",
			})
		}
	}
}

// inOrder are the messages in the order in which they were written.
func inOrder(t simulator.Thread) []simulator.Message {
	all := make([]simulator.Message, t.Len())
	for j := range all {
		all[j] = t.Message(j)
	}
	slices.SortFunc(all, func(a, b simulator.Message) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return all
}

func (s *Site) messageRow(t simulator.Thread, m simulator.Message) schemas.Message {
	row := schemas.Message{
		ConversationID: id(t.Number),
		MessageID:      id(m.ID),
		CreatedAt:      at(m.CreatedAt),
		Kind:           "message",
		IsPrivate:      m.Kind == simulator.Note,
		IsDeleted:      m.Deleted,
		ContentType:    text(cmp.Or(contentTypes[m.ContentType], m.ContentType)),
		Attributes:     s.messageAttributes(t, m),
	}
	switch m.Kind {
	case simulator.In:
		row.Direction = text("in")
	case simulator.Out:
		row.Direction = text("out")
	case simulator.Note:
		row.Direction, row.Kind = text("none"), "note"
	case simulator.Activity:
		row.Direction, row.Kind = text("none"), "activity"
	case simulator.Template:
		row.Direction, row.Kind = text("out"), "template"
	}
	s.author(m, &row)
	switch {
	case m.Deleted:
		row.Text = text(deletedText)
	case m.Text != nil:
		row.Text = text(*m.Text)
	}
	if m.Mail != nil && !m.Deleted {
		row.HTML = text(m.Mail.HTML)
	}
	if m.ReplyTo != 0 && !m.Deleted {
		row.ReplyTo = text(id(m.ReplyTo))
	}
	if !s.docs() {
		row.DeliveryStatus = text(m.Delivery)
	}
	row.Parts = s.parts(m, row.Text)
	row.Text = text(s.visibleText(m, row.Text))
	return row
}

func (s *Site) author(m simulator.Message, row *schemas.Message) {
	word := s.senderType(m)
	if word == "" {
		if m.Kind != simulator.In {
			row.AuthorType = text("system")
		}
		return
	}
	row.AuthorID = text(id(m.Author.ID))
	switch m.Author.Kind {
	case simulator.ByPerson:
		p, _ := s.corpus.PersonByID(m.Author.ID)
		row.AuthorType, row.AuthorName = text("contact"), text(p.Name)
	case simulator.ByAgent:
		a, _ := s.corpus.AgentByID(m.Author.ID)
		row.AuthorType, row.AuthorName = text("agent"), text(a.Name)
	case simulator.ByBot:
		b, _ := s.corpus.BotByID(m.Author.ID)
		row.AuthorType, row.AuthorName = text("bot"), text(b.Name)
	}
}

func (s *Site) messageAttributes(t simulator.Thread, m simulator.Message) map[string]*string {
	to := map[string]*string{}
	if !s.docs() {
		add(to, "inbox_id", id(t.ChannelID))
		add(to, "source_id", m.ExternalID)
	} else {
		add(to, "attachment", "{}")
	}
	if m.Deleted {
		add(to, "deleted", "true")
		return to
	}
	if m.ReplyTo != 0 {
		add(to, "in_reply_to", id(m.ReplyTo))
	}
	if m.Imported {
		add(to, "external_created_at", id(m.CreatedAt.Unix()))
		add(to, "created_at", id(m.CreatedAt.Unix()))
		if s.docs() {
			add(to, "created_at", timeText(m.CreatedAt, t.Number))
		}
	}
	if m.Mail != nil {
		envelope(to, m)
	}
	if m.Delivery == "failed" {
		add(to, "external_error", "131047: Re-engagement message")
	}
	if m.Survey == simulator.Answered {
		add(to, "submitted_values", plain(simulator.Attributes{{Key: "csat_survey_response", Value: simulator.Attributes{
			{Key: "rating", Value: int64(m.Rating)}, {Key: "feedback_message", Value: m.Comment},
		}}}))
	}
	return to
}

// envelope adds an e-mail, except its HTML and whatever only repeats the text of the message.
func envelope(to map[string]*string, m simulator.Message) {
	add(to, "email.content_type", "multipart/alternative; boundary=0000")
	add(to, "email.date", iso(m.CreatedAt))
	add(to, "email.from", `["someone@example.com"]`)
	add(to, "email.to", `["support@example.com"]`)
	add(to, "email.message_id", m.ExternalID)
	add(to, "email.multipart", "true")
	add(to, "email.number_of_attachments", strconv.Itoa(len(m.Files)))
	add(to, "email.subject", m.Mail.Subject)
	if m.Text == nil || *m.Text != m.Mail.Text {
		for _, key := range []string{"html_content.reply", "html_content.quoted", "text_content.full", "text_content.reply", "text_content.quoted"} {
			add(to, "email."+key, m.Mail.Text)
		}
	}
}

// visibleText returns everything that a reader sees of a message, line by line: its text, the titles of places and links, and its items.
func (s *Site) visibleText(m simulator.Message, words *string) string {
	var lines []string
	line := func(text string) {
		if text != "" && !slices.Contains(lines, text) {
			lines = append(lines, text)
		}
	}
	if words != nil {
		line(*words)
	}
	if m.Deleted {
		return strings.Join(lines, "\n")
	}
	for _, f := range m.Files {
		if !s.docs() && (f.Kind == "location" || f.Kind == "share" || f.Kind == "fallback") {
			line(f.Title)
		}
	}
	for _, item := range m.Items {
		line(item.Title)
		switch m.ContentType {
		case "cards":
			line(item.Description)
			line("Buy")
		case "article":
			line(item.Description)
		}
	}
	return strings.Join(lines, "\n")
}

// parts are the text of a message, its files and its items.
func (s *Site) parts(m simulator.Message, words *string) []schemas.Part {
	var parts []schemas.Part
	if words != nil {
		parts = append(parts, schemas.Part{Type: "text", Text: words})
	}
	if m.Deleted {
		return parts
	}
	if !s.docs() {
		for _, f := range m.Files {
			a := s.attachmentRow(simulator.Thread{}, m, f)
			part := schemas.Part{Type: f.Kind, URL: a.URL, Name: a.Name, ContentType: a.ContentType, Bytes: a.Bytes}
			if f.Kind == "location" {
				part.Payload = text(plain(simulator.Attributes{{Key: "lat", Value: f.Lat}, {Key: "long", Value: f.Long}}))
			}
			parts = append(parts, part)
		}
	}
	types := map[string]string{"select": "button", "form": "form", "cards": "collection"}
	for _, item := range m.Items {
		var w writer
		w.open('{')
		w.item(m.ContentType, item)
		w.close('}')
		part := schemas.Part{
			Type: cmp.Or(types[m.ContentType], "item"), Label: text(item.Title), Payload: text(string(w.b)),
			Text: text(item.Description),
		}
		if types[m.ContentType] == "button" {
			part.Text = text(item.Value)
		}
		parts = append(parts, part)
	}
	return parts
}

func (s *Site) attachmentRow(t simulator.Thread, m simulator.Message, f simulator.File) schemas.Attachment {
	row := schemas.Attachment{
		ConversationID: id(t.Number), AttachmentID: id(f.ID), MessageID: text(id(m.ID)), Kind: f.Kind,
		CreatedAt: at(m.CreatedAt), Attributes: map[string]*string{},
	}
	add(row.Attributes, "account_id", id(s.options.AccountID))
	switch f.Kind {
	case "location":
		row.Name = text(f.Title)
		add(row.Attributes, "coordinates_lat", plain(f.Lat))
		add(row.Attributes, "coordinates_long", plain(f.Long))
	case "contact":
		row.Name = text(f.Title)
		add(row.Attributes, "meta", `{"first_name":"Ana"}`)
	case "share", "fallback":
		row.Name = text(f.Title)
		row.URL = text("https://social.example.com/p/" + id(f.ID) + "?utm=1")
	default:
		row.Name, row.URL, row.Bytes = text(f.Name), text(dataURL(f)), new(f.Bytes)
		if s.modern() {
			row.ContentType = text(f.MediaType)
		}
		if f.Width != 0 {
			row.Width, row.Height = new(f.Width), new(f.Height)
		}
		add(row.Attributes, "extension", extension(f))
		add(row.Attributes, "thumb_url", thumbURL(f))
		add(row.Attributes, "transcribed_text", f.Spoken)
	}
	return row
}
