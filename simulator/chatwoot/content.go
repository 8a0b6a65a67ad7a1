package chatwoot

import (
	"github.com/chatlake/chatlake/simulator"
)

// contentAttributes writes the attributes that a kind of content adds to a message.
func (b *writer) contentAttributes(m simulator.Message) {
	b.open('{')
	defer b.close('}')
	if m.Deleted {
		b.key("deleted").bool(true)
		return
	}
	if m.ReplyTo != 0 {
		b.key("in_reply_to").int(m.ReplyTo)
		b.key("in_reply_to_external_id").null()
	}
	if m.Imported {
		b.key("external_created_at").int(m.CreatedAt.Unix())
	}
	if m.Delivery == "failed" {
		b.key("external_error").str("131047: Re-engagement message")
	}
	if m.Mail != nil {
		b.mail(m)
	}
	if len(m.Items) > 0 {
		b.items(m)
	}
	if m.Survey == simulator.Answered {
		b.object("submitted_values")
		b.object("csat_survey_response")
		b.key("rating").int(int64(m.Rating))
		b.key("feedback_message").str(m.Comment)
		b.close('}')
		b.close('}')
	}
}

func (b *writer) mail(m simulator.Message) {
	b.object("email")
	b.key("bcc").null()
	b.key("cc").null()
	b.key("content_type").str("multipart/alternative; boundary=0000")
	b.key("date").str(iso(m.CreatedAt))
	b.strs("from", []string{"someone@example.com"})
	b.object("html_content")
	b.key("full").str(m.Mail.HTML)
	b.key("reply").str(m.Mail.Text)
	b.key("quoted").str(m.Mail.Text)
	b.close('}')
	b.key("in_reply_to").null()
	b.key("message_id").str(m.ExternalID)
	b.key("multipart").bool(true)
	b.key("number_of_attachments").int(int64(len(m.Files)))
	b.key("subject").str(m.Mail.Subject)
	b.object("text_content")
	b.key("full").str(m.Mail.Text)
	b.key("reply").str(m.Mail.Text)
	b.key("quoted").str(m.Mail.Text)
	b.close('}')
	b.strs("to", []string{"support@example.com"})
	b.close('}')
}

func (b *writer) items(m simulator.Message) {
	b.array("items")
	for _, item := range m.Items {
		b.open('{')
		b.item(m.ContentType, item)
		b.close('}')
	}
	b.close(']')
}

func (b *writer) item(kind string, item simulator.Item) {
	switch kind {
	case "form":
		b.key("name").str(item.Value)
		b.key("type").str("text")
		b.key("label").str(item.Title)
		b.key("placeholder").str("")
	case "cards":
		b.key("media_url").str("")
		b.key("title").str(item.Title)
		b.key("description").str(item.Description)
		b.array("actions")
		b.open('{')
		b.key("type").str("link")
		b.key("text").str("Buy")
		b.key("uri").str("https://shop.example.com/?a=1&b=2")
		b.close('}')
		b.close(']')
	case "article":
		b.key("title").str(item.Title)
		b.key("description").str(item.Description)
		b.key("link").str(item.Value)
	default:
		b.key("title").str(item.Title)
		b.key("value").str(item.Value)
	}
}
