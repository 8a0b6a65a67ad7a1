package chatwoot

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"github.com/chatlake/chatlake/simulator"
)

// The largest number of messages in an answer, for each way to request messages.
const (
	latestMessages  = 20
	afterMessages   = 100
	betweenMessages = 1000
)

// messages is GET conversations/{id}/messages.
func (s *Site) messages(w http.ResponseWriter, r *http.Request, t simulator.Thread) {
	picked := pick(t, r.FormValue("after"), r.FormValue("before"), r.FormValue("filter_internal_messages") == "true")
	b := &writer{b: make([]byte, 0, 1024+640*len(picked))}
	if s.docs() {
		b.open('[')
		s.rowsOf(b, t, picked)
		b.close(']')
		send(w, b)
		return
	}
	b.open('{')
	s.messagesMeta(b, t)
	b.array("payload")
	s.rowsOf(b, t, picked)
	b.close(']')
	b.close('}')
	send(w, b)
}

func (s *Site) rowsOf(b *writer, t simulator.Thread, picked []int) {
	for _, j := range picked {
		s.message(b, t, t.Message(j), true)
	}
}

// pick selects messages as the real site does: it compares ids, orders by time, and truncates after ordering.
func pick(t simulator.Thread, after, before string, spokenOnly bool) []int {
	low, _ := strconv.ParseInt(after, 10, 64)
	high, _ := strconv.ParseInt(before, 10, 64)
	var picked []int
	for j := range t.Len() {
		id := t.ID(j)
		switch {
		case after != "" && before != "" && (id < low || id >= high),
			after != "" && before == "" && id <= low,
			after == "" && before != "" && id >= high,
			spokenOnly && (t.Kind(j) == simulator.Note || t.Kind(j) == simulator.Activity):
			continue
		}
		picked = append(picked, j)
	}
	slices.SortStableFunc(picked, func(a, b int) int { return cmp.Compare(t.CreatedUnix(a), t.CreatedUnix(b)) })
	switch {
	case after != "" && before != "":
		return picked[:min(len(picked), betweenMessages)]
	case after != "":
		return picked[:min(len(picked), afterMessages)]
	default:
		return picked[max(0, len(picked)-latestMessages):]
	}
}

func (s *Site) messagesMeta(b *writer, t simulator.Thread) {
	person, _ := s.corpus.PersonByID(t.PersonID)
	b.object("meta")
	b.strs("labels", t.Tags)
	b.key("additional_attributes").attributes(t.Additional)
	b.key("contact")
	b.pushedContact(person)
	if a, ok := s.corpus.AgentByID(t.Assignee.ID); ok && t.Assignee.Kind == simulator.ByAgent {
		b.key("assignee")
		b.pushedAgent(a)
	}
	b.key("agent_last_seen_at").strOrNull(iso(t.AgentSeenAt))
	b.key("assignee_last_seen_at").null()
	b.close('}')
}

var messageTypes = map[simulator.MessageKind]struct {
	number int64
	word   string
}{
	simulator.In: {0, "incoming"}, simulator.Out: {1, "outgoing"}, simulator.Note: {1, "outgoing"},
	simulator.Activity: {2, "activity"}, simulator.Template: {3, "template"},
}

var contentTypes = map[string]string{
	"survey": "input_csat", "email": "incoming_email", "select": "input_select",
}

const deletedText = "This message was deleted"

func (b *writer) content(m simulator.Message) {
	switch {
	case m.Deleted:
		b.key("content").str(deletedText)
	case m.Text == nil:
		b.key("content").null()
	default:
		b.key("content").str(*m.Text)
	}
}

// message encodes a row of the messages endpoint. In the old documentation, messages inside a conversation have no id.
func (s *Site) message(b *writer, t simulator.Thread, m simulator.Message, withID bool) {
	b.open('{')
	if withID {
		b.key("id").int(m.ID)
	}
	b.content(m)
	if !s.docs() {
		b.key("inbox_id").int(t.ChannelID)
	}
	b.key("conversation_id").int(t.Number)
	b.key("message_type")
	if s.docs() {
		b.lit(`"` + messageTypes[m.Kind].word + `"`)
	} else {
		b.int(messageTypes[m.Kind].number)
	}
	b.key("content_type").str(cmp.Or(contentTypes[m.ContentType], m.ContentType))
	if !s.docs() {
		b.key("status").str(m.Delivery)
	}
	b.key("content_attributes")
	b.contentAttributes(m)
	if s.docs() {
		b.key("created_at").str(timeText(m.CreatedAt, t.Number))
	} else {
		b.key("created_at").int(m.CreatedAt.Unix())
	}
	b.key("private").bool(m.Kind == simulator.Note)
	if s.docs() {
		b.object("attachment")
		b.close('}')
		if s.senderType(m) == "" {
			b.object("sender")
			b.close('}')
		}
		s.sender(b, m)
		b.close('}')
		return
	}
	b.key("source_id").strOrNull(m.ExternalID)
	s.sender(b, m)
	s.files(b, m)
	b.close('}')
}

// pushed encodes a message as it appears inside a conversation: with all columns.
func (s *Site) pushed(b *writer, t simulator.Thread, m simulator.Message) {
	b.open('{')
	b.key("id").int(m.ID)
	b.content(m)
	b.key("account_id").int(s.options.AccountID)
	b.key("inbox_id").int(t.ChannelID)
	b.key("conversation_id").int(t.Number)
	b.key("message_type").int(messageTypes[m.Kind].number)
	b.key("created_at").int(m.CreatedAt.Unix())
	b.key("updated_at").str(iso(m.CreatedAt))
	b.key("private").bool(m.Kind == simulator.Note)
	b.key("status").str(m.Delivery)
	b.key("source_id").strOrNull(m.ExternalID)
	b.key("content_type").str(cmp.Or(contentTypes[m.ContentType], m.ContentType))
	b.key("content_attributes")
	b.contentAttributes(m)
	word := s.senderType(m)
	b.key("sender_type").strOrNull(word)
	if word == "" {
		b.key("sender_id").null()
	} else {
		b.key("sender_id").int(m.Author.ID)
	}
	b.key("external_source_ids").attributes(nil)
	b.key("additional_attributes").attributes(nil)
	if m.Deleted || m.Text == nil {
		b.key("processed_message_content").null()
	} else {
		b.key("processed_message_content").str(*m.Text)
	}
	b.key("sentiment").attributes(nil)
	b.object("conversation")
	if t.Assignee.Kind == simulator.ByAgent {
		b.key("assignee_id").int(t.Assignee.ID)
	} else {
		b.key("assignee_id").null()
	}
	b.key("unread_count").int(int64(min(t.Unread, 10)))
	b.key("last_activity_at").int(t.LastActivityAt.Unix())
	b.object("contact_inbox")
	b.key("source_id").str(t.UUID)
	b.close('}')
	b.close('}')
	s.sender(b, m)
	s.files(b, m)
	b.close('}')
}
