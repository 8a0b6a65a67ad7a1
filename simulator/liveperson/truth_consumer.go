package liveperson

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/chatlake/chatlake/schemas"
)

// ConsumerThread is the correct content of the lake for a conversation that was read with its consumer's token.
func (s *Site) ConsumerThread(id string) (schemas.Thread, bool) {
	t, ok := s.thread(id)
	if !ok {
		return schemas.Thread{}, false
	}
	f := s.facts(t)
	row := schemas.Conversation{
		ConversationID: id, Status: word("OPEN"), State: word("open"), CreatedAt: at(f.start), ClosedAt: at(f.end),
		ContactID: word(consumerID(f.PersonID)), Attributes: pairs("stage", "OPEN"),
	}
	if f.closed() {
		row.Status, row.State, row.Attributes["closeReason"] = word("CLOSE"), word("closed"), word("AGENT")
		if f.Number%6 != 0 {
			row.Attributes["stage"] = word("CLOSE")
		}
	}
	if a, ok := f.assignee(); ok {
		row.AssigneeID = word(a.id)
	}
	truth := schemas.Thread{Conversation: row}
	if f.rating != nil {
		score := float64(f.rating.Rating)
		truth.Conversation.Attributes["csat.status"] = word("FILLED")
		truth.Ratings = []schemas.Rating{{
			ConversationID: id, RatingID: "csat", Kind: "csat", Score: &score, AskedAt: at(f.end + 100), AnsweredAt: at(f.full),
			AgentID: row.AssigneeID, ContactID: row.ContactID,
			Answers: []schemas.Answer{{Question: word("csatResolutionConfirmation"), Answer: word(strconv.FormatBool(f.rating.Rating > 3))}},
		}}
	}
	truth.Participants = []schemas.Participant{{ConversationID: id, ParticipantID: consumerID(f.PersonID), Type: "contact", Role: "contact"}}
	for _, a := range f.agents {
		truth.Participants = append(truth.Participants, schemas.Participant{ConversationID: id, ParticipantID: a.id, Type: a.seen(), Role: roleOf(a.role())})
	}
	l := &ledger{f: f, ids: map[string]int{}}
	s.consumerDialogs(l)
	newest := max(f.start, f.end)
	if f.hasSurvey() {
		newest = max(newest, f.end+100)
	}
	for k, m := range s.consumerMessages(f, &truth) {
		if k == 0 && f.messages[0].id == m.id {
			l.add("chat_state", []string{m.dialog}, m.author, f.seen(m.author), m.at-1, "",
				pairs("dialogId", m.dialog, "chatState", "COMPOSING", "role", f.roleOf(m.author), "originator.id", m.author))
		}
		newest = max(newest, m.at)
		for _, st := range m.statuses {
			if st.name == "SENT" {
				continue
			}
			newest = max(newest, st.at)
			name := "ms::dialog:" + m.dialog + "::msg:" + strconv.Itoa(m.seq)
			l.add("message_status", []string{name, st.name}, st.by, f.seen(st.by), st.at, name, pairs("dialogId", m.dialog,
				"messageDeliveryStatus", st.name, "seq", strconv.Itoa(m.seq), "role", f.roleOf(st.by), "originator.id", st.by))
		}
	}
	slices.SortStableFunc(l.rows, func(a, b schemas.Event) int {
		return cmp.Or(a.CreatedAt.Compare(*b.CreatedAt), cmp.Compare(a.EventID, b.EventID))
	})
	truth.Events = l.rows
	version := newest * 1000
	truth.Conversation.SourceVersion = &version
	if n := len(truth.Messages); n > 0 {
		truth.Conversation.LastActivityAt = truth.Messages[n-1].CreatedAt
	}
	return truth, true
}

// seen is the type of a brand participant in the consumer's API, which shows bots as agents.
func (a attendance) seen() string {
	if a.userType == "0" {
		return "system"
	}
	return "agent"
}

func (f facts) seen(id string) string {
	if id == consumerID(f.PersonID) {
		return "contact"
	}
	for _, a := range f.agents {
		if a.id == id {
			return a.seen()
		}
	}
	return "agent"
}

func (s *Site) consumerDialogs(l *ledger) {
	f := l.f
	details := `[{"id":"` + consumerID(f.PersonID) + `","role":"CONSUMER"}]`
	more := pairs("dialogId", f.dialog, "participantsDetails", details, "dialogType", "MAIN", "state", "OPEN", "channelType", "MESSAGING")
	if f.closed() {
		more["state"], more["endTs"], more["closedBy"] = word("CLOSE"), word(digits(f.end)), word("Agent")
	}
	l.add("dialog", []string{f.dialog}, "", "", f.start, "", more)
	if f.hasSurvey() {
		l.add("dialog", []string{f.survey}, "", "", f.end+100, "", pairs("dialogId", f.survey, "dialogType", "POST_SURVEY", "state", "CLOSE", "endTs", digits(f.full)))
	}
}

// consumerMessages adds the messages that the consumer can read, and returns them.
func (s *Site) consumerMessages(f facts, truth *schemas.Thread) []said {
	all := slices.DeleteFunc(slices.Clone(f.messages), func(m said) bool { return m.private })
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b said) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq)) })
	for i, m := range sorted {
		m.id = "ms::dialog:" + m.dialog + "::msg:" + strconv.Itoa(m.seq)
		row := schemas.Message{
			ConversationID: f.UUID, MessageID: m.id, Sequence: int64(i), CreatedAt: at(m.at), AuthorID: known(m.author), AuthorType: word(f.seen(m.author)),
			Direction: word("out"), Kind: "message", ContentType: word("text/plain"),
			Attributes: pairs("seq", strconv.Itoa(m.seq), "dialogId", m.dialog, "role", f.roleOf(m.author), "originator.id", m.author),
		}
		if m.author == consumerID(f.PersonID) {
			row.Direction = word("in")
		}
		if m.author == systemUser {
			row.Kind = "template"
		}
		if len(m.statuses) > 0 && m.statuses[0].name != "SENT" {
			row.DeliveryStatus = word(m.statuses[0].name)
		}
		s.consumerParts(f, m, &row, truth)
		truth.Messages = append(truth.Messages, row)
	}
	return all
}

// consumerParts is the content of a message: a form, rich content, a file, or a text.
func (s *Site) consumerParts(f facts, m said, row *schemas.Message, truth *schemas.Thread) {
	plain := m
	switch {
	case m.ContentType == "form":
		row.ContentType, plain.Text, plain.Mail, plain.Files = word("forms/secure-invitation"), nil, nil, nil
	case m.ContentType == "select":
	case len(m.Items) > 0:
		row.ContentType = word("RichContentEvent")
		m.itemPart(row, "template")
		return
	case len(m.Files) > 0:
		row.ContentType, plain.Text, plain.Mail, plain.Files = word("hosted/file"), nil, nil, m.Files[:1]
	case m.Mail != nil:
		row.ContentType = word("text/html")
	}
	s.partRows(f, plain, row, truth)
	if row.ContentType != nil && *row.ContentType == "hosted/file" {
		delete(truth.Attachments[len(truth.Attachments)-1].Attributes, "preview")
	}
}
