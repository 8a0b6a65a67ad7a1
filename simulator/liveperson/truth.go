package liveperson

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// Conversations are the ids of the conversations that began in a window and can be found, ascending by time and id.
func (s *Site) Conversations(window schemas.Window) []string {
	return s.idsOf(window, func(entry) bool { return true })
}

// ConsumerConversations are those of one person, in any of some states: "open", "close" and "archive", or all where none is given.
func (s *Site) ConsumerConversations(window schemas.Window, person int64, states ...string) []string {
	return s.idsOf(window, func(e entry) bool {
		return e.person == person && (len(states) == 0 || slices.Contains(states, e.state()))
	})
}

func (s *Site) idsOf(window schemas.Window, fits func(entry) bool) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var ids []string
	for _, e := range s.entries {
		if !e.held && fits(e) && window.Contains(time.UnixMilli(e.start)) {
			ids = append(ids, e.id)
		}
	}
	return ids
}

// word is a text, nil where it is empty.
func word(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// known is a text, nil where it only says that there is none.
func known(s string) *string {
	if slices.Contains([]string{"undefined", "null", "NA", "-1", "Unassigned"}, s) {
		return nil
	}
	return word(s)
}

// at is a time, nil for none.
func at(millis int64) *time.Time {
	if millis <= 0 {
		return nil
	}
	t := time.UnixMilli(millis).UTC()
	return &t
}

// pairs are attributes; those that say nothing are left out.
func pairs(list ...string) map[string]*string {
	all := map[string]*string{}
	for i := 0; i+1 < len(list); i += 2 {
		if v := known(list[i+1]); v != nil {
			all[list[i]] = v
		}
	}
	return all
}

func digits(n int64) string { return strconv.FormatInt(n, 10) }

// Thread is what the lake must hold of a conversation that was read whole, with SDEs of version 2, as it stands now; false
// when there is no such conversation. Observation times, StoredMessages and ContentSHA256 are left zero.
func (s *Site) Thread(id string) (schemas.Thread, bool) {
	t, ok := s.thread(id)
	if !ok {
		return schemas.Thread{}, false
	}
	f := s.facts(t)
	truth := schemas.Thread{Conversation: s.conversationRow(f)}
	s.messageRows(f, &truth)
	s.participantRows(f, &truth)
	s.ratingRows(f, &truth)
	s.eventRows(f, &truth)
	newest := f.full
	for _, m := range f.messages {
		newest = max(newest, m.at)
	}
	for _, e := range truth.Events {
		if e.CreatedAt != nil {
			newest = max(newest, e.CreatedAt.UnixMilli())
		}
	}
	if s.options.LastUpdateTime {
		newest = f.UpdatedAt.UnixMilli()
		truth.Conversation.UpdatedAt = at(newest)
	}
	version := max(newest, f.start) * 1000
	if s.options.LastUpdateTime {
		version = newest * 1000
	}
	truth.Conversation.SourceVersion = &version
	return truth, true
}

func (s *Site) conversationRow(f facts) schemas.Conversation {
	row := schemas.Conversation{
		ConversationID: f.UUID,
		Status:         word("OPEN"),
		State:          word("open"),
		ChannelType:    word(f.source(s)),
		CreatedAt:      at(f.start),
		ClosedAt:       at(f.end),
		ContactID:      word(consumerID(f.PersonID)),
		Language:       known(languageOf(f.Additional)),
	}
	a := pairs(
		"brandId", s.options.AccountID, "agentDeleted", "false", "mcs", digits(50+f.Number%50), "fullDialogStatus", "OPEN",
		"firstConversation", strconv.FormatBool(f.Number%11 == 0), "latestAgentGroupName", "Main Group", "latestQueueState", "ACTIVE",
		"features", `["PHOTO_SHARING","RICH_CONTENT"]`, "integration", "WEB_SDK", "latestSkillName", f.skill,
		"responseTime.configuredResponseTime", "600",
	)
	a["alertedMCS"] = word(digits(f.Number%3 - 1))
	if f.closed() {
		row.Status, row.State = word("CLOSE"), word("closed")
		a["fullDialogStatus"], a["closeReason"], a["duration"] = word("CLOSE"), word("AGENT"), word(digits(f.end-f.start))
		a["endTime"] = word(at(f.full).Format("2006-01-02T15:04:05.999999Z07:00"))
		a["fullDialogEndTime"] = a["endTime"]
		if f.Number%3 == 0 {
			a["summary.text"] = word("Solved: \"null\" & void")
			a["summary.lastUpdatedTime"] = word(at(f.end - 5000).Format("2006-01-02T15:04:05.999999Z07:00"))
		}
	} else {
		a["responseTime.latestEffectiveResponseDueTime"] = word(digits(f.LastActivityAt.UnixMilli() + 600_000))
	}
	if f.skill != "" {
		row.GroupID = word(digits(f.GroupID))
	}
	if agent, ok := f.assignee(); ok {
		row.AssigneeID, a["latestAgentFullName"] = word(agent.id), known(agent.name)
	}
	if f.source(s) == "SHARK" {
		row.SourceURL = known(pageOf(f.Additional))
		for name, v := range pairs("campaign.campaignId", "22", "campaign.campaignName", "Support", "campaign.lobId", "2389848512",
			"campaign.profileSystemDefault", "true", "monitoring.country", "Germany", "monitoring.countryCode", "DE", "monitoring.browser", "Firefox 128") {
			a[name] = v
		}
	}
	if f.asked() != nil {
		a["uniqueIntents"] = word(`[{"intentLabel":"Billing","intentName":"billing"}]`)
	}
	row.Attributes = a
	for _, m := range f.messages {
		if row.LastActivityAt == nil || m.at > row.LastActivityAt.UnixMilli() {
			row.LastActivityAt = at(m.at)
		}
	}
	return row
}

var participantTypes = map[string]string{"0": "system", "1": "agent", "2": "bot"}

func roleOf(permission string) string {
	if permission == "ASSIGNED_AGENT" {
		return "assignee"
	}
	return permission
}

func (s *Site) participantRows(f facts, truth *schemas.Thread) {
	first, last, name := f.consumerNames()
	consumer := schemas.Participant{
		ConversationID: f.UUID, ParticipantID: consumerID(f.PersonID), Type: "contact", Role: "contact", Name: known(strings.TrimSpace(first + " " + last)),
		Email: known(f.person.Email), Phone: known(f.person.Phone), JoinedAt: at(f.start), Attributes: pairs("consumerName", name),
	}
	if consumer.Name == nil {
		consumer.Name = word(name)
	}
	truth.Participants = append(truth.Participants, consumer)
	for _, a := range f.agents {
		truth.Participants = append(truth.Participants, schemas.Participant{
			ConversationID: f.UUID, ParticipantID: a.id, Type: participantTypes[a.userType], Role: roleOf(a.permission), Name: known(a.name),
			JoinedAt: at(a.joined), LeftAt: at(a.left),
			Attributes: pairs("agentNickname", a.nick, "agentLoginName", a.login, "agentDeleted", "false", "agentPid", "pid-"+a.id,
				"agentGroupName", "Main Group", "userTypeName", typeNames[a.userType], "role", "AGENT"),
		})
	}
}

func (s *Site) ratingRows(f facts, truth *schemas.Thread) {
	agent, contact := truth.Conversation.AssigneeID, truth.Conversation.ContactID
	if f.rating != nil {
		score := float64(f.rating.Rating)
		survey := schemas.Rating{
			ConversationID: f.UUID, RatingID: "survey:545:0", Kind: "Satisfaction", AskedAt: at(f.end + 100), AgentID: agent, ContactID: contact,
			Answers: []schemas.Answer{{Question: f.rating.Text, Answer: word(strconv.Itoa(f.rating.Rating))}},
		}
		if f.rating.Comment != "" {
			survey.Answers = append(survey.Answers, schemas.Answer{Question: word("Why?"), Answer: word(f.rating.Comment)})
		}
		truth.Ratings = append(truth.Ratings,
			schemas.Rating{ConversationID: f.UUID, RatingID: "csat", Kind: "csat", Score: &score, AgentID: agent, ContactID: contact}, survey)
	}
	filled := func(id string, millis int64) {
		truth.Ratings = append(truth.Ratings, schemas.Rating{
			ConversationID: f.UUID, RatingID: id, Kind: "agent_survey", AnsweredAt: at(millis), AgentID: word(f.first()), ContactID: contact,
			Answers: []schemas.Answer{{Question: word("Topic?"), Answer: word("refund; NA")}},
		})
	}
	if f.closed() && f.Number%9 == 0 {
		filled("latestAgentSurvey:0", f.end+9000)
	}
	if f.closed() && f.Number%18 == 0 {
		filled("previouslySubmittedAgentSurveys:0", f.end+4000)
	}
}

func (s *Site) messageRows(f facts, truth *schemas.Thread) {
	all := slices.Clone(f.messages)
	slices.SortStableFunc(all, func(a, b said) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq)) })
	for i, m := range all {
		row := s.messageRow(f, m)
		row.Sequence = int64(i)
		s.partRows(f, m, &row, truth)
		truth.Messages = append(truth.Messages, row)
	}
}

func (s *Site) messageRow(f facts, m said) schemas.Message {
	row := schemas.Message{
		ConversationID: f.UUID, MessageID: m.id, CreatedAt: at(m.at), AuthorID: known(m.author), Kind: "message", IsPrivate: m.private,
		ContentType: word(kindOf(m)), Direction: word("out"), AuthorType: word("agent"),
		Attributes: pairs("seq", strconv.Itoa(m.seq), "audience", "ALL", "source", f.source(s), "device", "DESKTOP", "dialogId", m.dialog),
	}
	for _, a := range f.agents {
		if a.id == m.author {
			row.AuthorType, row.AuthorName = word(participantTypes[a.userType]), known(a.name)
		}
	}
	if m.author == consumerID(f.PersonID) {
		_, _, name := f.consumerNames()
		row.AuthorType, row.AuthorName, row.Direction = word("contact"), known(name), word("in")
	}
	if m.private {
		row.Kind, row.Direction, row.Attributes["audience"] = "note", word("none"), word("AGENTS_AND_MANAGERS")
	}
	if m.Author.Kind == 3 { // a bot
		row.Attributes["contextData"] = word(`{"structuredMetadata":[{"botResponse":{"intents":[{"confidenceScore":0.91,"id":"x"}]}}]}`)
	}
	if len(m.statuses) > 0 {
		row.DeliveryStatus = word(m.statuses[0].name)
	}
	return row
}

// partRows adds the parts of a message and its files.
func (s *Site) partRows(f facts, m said, row *schemas.Message, truth *schemas.Thread) {
	if t := textOf(m); t != nil && *t != "" {
		row.Text = t
		if kindOf(m) == "TEXT_HTML" {
			row.HTML = t
		}
		row.Parts = append(row.Parts, schemas.Part{Type: "text", Text: t})
	}
	attach := func(kind, url, name, fileType string, attributes map[string]*string, label *string) {
		truth.Attachments = append(truth.Attachments, schemas.Attachment{
			ConversationID: f.UUID, AttachmentID: fmt.Sprintf("%s/%d", m.id, len(row.Parts)), MessageID: &row.MessageID, Kind: kind, Name: word(name),
			ContentType: known(fileType), URL: word(url), CreatedAt: row.CreatedAt, Attributes: attributes,
		})
		row.Parts = append(row.Parts, schemas.Part{Type: kind, URL: word(url), Name: word(name), ContentType: known(fileType), Label: label})
	}
	if len(m.Files) > 0 {
		url, fileType := s.file(m.Files[0])
		kind := map[string]string{"JPG": "image", "PNG": "image", "OGG": "audio", "MP3": "audio", "MP4": "video"}[fileType]
		more := map[string]*string{"preview": word("aGk=")}
		if m.Files[0].Title != "" {
			more["caption"] = word(m.Files[0].Title)
		}
		attach(cmp.Or(kind, "file"), url, url[strings.LastIndex(url, "/")+1:], fileType, more, word(m.Files[0].Title))
	}
	if len(m.Files) > 1 {
		url, fileType := linked(m.Files[1]), m.Files[1].MediaType
		kind, _, _ := strings.Cut(fileType, "/")
		if kind != "image" && kind != "audio" && kind != "video" {
			kind = "file"
		}
		name := url[strings.LastIndex(url, "/")+1:]
		if name == "" { // the address ends with a slash
			name = digits(m.Files[1].ID)
		}
		attach(kind, url, name, fileType, nil, nil)
	}
	switch m.ContentType {
	case "select":
		row.Parts = append(row.Parts, schemas.Part{Type: "quick_reply", Payload: word(rich(m))})
	case "cards", "article":
		row.Parts = append(row.Parts, schemas.Part{Type: "template", Payload: word(rich(m))})
	case "form":
		row.Parts = append(row.Parts, schemas.Part{Type: "form", Label: word(m.Items[0].Title),
			Payload: word(text(obj{"formId": "f-1", "formName": m.Items[0].Title, "invitationId": "i-1"}))})
	}
}
