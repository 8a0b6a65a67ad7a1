package liveperson

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// Conversations are the ids of the conversations that began in a window and are visible to searches, ascending by time and id.
func (s *Site) Conversations(window schemas.Window) []string {
	return s.idsOf(window, func(entry) bool { return true })
}

// ConsumerConversations are the conversations of one person that have one of the given states: "open", "close" or "archive". Without
// states it returns all.
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

// word is a text, nil if it is empty.
func word(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// known is a text, nil if it is one of the platform's words for a missing value.
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

// pairs are attributes; empty ones are left out.
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

// Thread is the correct content of the lake for a conversation in its current state that was read completely, with SDEs of
// version 2; false if there is no such conversation. Observation times, StoredMessages and ContentSHA256 are zero.
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

// rated is who had the conversation when it ended: the assignee, because here only transfers assign anyone else.
func (f facts) rated() (agent *string) {
	var at int64
	if a, ok := f.assignee(); ok && a.joined <= f.end+100 {
		agent, at = word(a.id), a.joined
	}
	for k, m := range f.moves {
		if a, ok := f.assignee(); ok && k%2 == 1 && m.at >= at && m.at <= f.end+100 {
			agent, at = word(a.id), m.at
		}
	}
	return agent
}

func (s *Site) ratingRows(f facts, truth *schemas.Thread) {
	agent, contact := f.rated(), truth.Conversation.ContactID
	if f.rating != nil {
		score := float64(f.rating.Rating)
		asked := []schemas.Answer{{Question: f.rating.Text, Answer: word(strconv.Itoa(f.rating.Rating))}}
		asking := f.end + 100
		if !f.hasSurvey() { // open again
			asking = f.messages[slices.IndexFunc(f.messages, func(m said) bool { return m.dialog == f.survey })].at
		}
		survey := schemas.Rating{
			ConversationID: f.UUID, RatingID: "survey:545:0", Kind: "Satisfaction", AskedAt: at(asking), AnsweredAt: at(f.full),
			AgentID: agent, ContactID: contact, Answers: asked,
		}
		csat := survey
		csat.RatingID, csat.Kind, csat.Score = "csat", "csat", &score
		if f.rating.Comment != "" {
			survey.Answers = append(slices.Clone(asked), schemas.Answer{Question: word("Why?"), Answer: word(f.rating.Comment)})
		}
		truth.Ratings = append(truth.Ratings, csat, survey)
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
