package liveperson

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/schemas"
)

// ledger collects events, each with a unique id.
type ledger struct {
	f    facts
	ids  map[string]int
	rows []schemas.Event
}

// add adds an event. Its id consists of its kind, the fields that distinguish it from others, its actor and its time.
func (l *ledger) add(kind string, parts []string, actor, actorType string, millis int64, message string, attributes map[string]*string) {
	row := schemas.Event{ConversationID: l.f.UUID, Kind: kind, CreatedAt: at(millis), ActorID: known(actor), MessageID: word(message), Attributes: attributes}
	id := append([]string{kind}, parts...)
	if row.ActorID != nil {
		row.ActorType = word(actorType)
		id = append(id, actor)
	}
	if millis > 0 {
		id = append(id, digits(millis))
	}
	row.EventID = strings.Join(id, ":")
	if l.ids[row.EventID]++; l.ids[row.EventID] > 1 {
		row.EventID += "#" + strconv.Itoa(l.ids[row.EventID])
	}
	l.rows = append(l.rows, row)
}

// typeOf is the type of a participant, empty if unknown.
func (l *ledger) typeOf(id string) string {
	if id == consumerID(l.f.PersonID) {
		return "contact"
	}
	for _, a := range l.f.agents {
		if a.id == id {
			return participantTypes[a.userType]
		}
	}
	return ""
}

func (s *Site) eventRows(f facts, truth *schemas.Thread) {
	l := &ledger{f: f, ids: map[string]int{}}
	s.peopleEvents(l)
	s.workEvents(l)
	for _, m := range f.messages {
		if scored(f, m) {
			more := pairs("mcs", digits(40+m.ID%50))
			more["messageRawScore"] = word(digits(m.ID%5 - 2))
			l.add("message_score", []string{m.id}, "", "", m.at+300, m.id, more)
		}
	}
	for _, m := range f.messages {
		for _, st := range m.statuses {
			l.add("message_status", []string{m.id, st.name}, st.by, cmp.Or(l.typeOf(st.by), "agent"), st.at, m.id,
				pairs("seq", strconv.Itoa(m.seq), "messageDeliveryStatus", st.name, "dialogId", m.dialog))
		}
	}
	s.rareEvents(l)
	slices.SortStableFunc(l.rows, func(a, b schemas.Event) int {
		switch {
		case a.CreatedAt == nil && b.CreatedAt != nil:
			return -1
		case a.CreatedAt != nil && b.CreatedAt == nil:
			return 1
		case a.CreatedAt != nil && !a.CreatedAt.Equal(*b.CreatedAt):
			return a.CreatedAt.Compare(*b.CreatedAt)
		}
		return cmp.Compare(a.EventID, b.EventID)
	})
	truth.Events = l.rows
}

func (s *Site) peopleEvents(l *ledger) {
	f := l.f
	agent := func(kind string, a attendance, millis int64) {
		l.add(kind, []string{a.permission, f.dialog}, a.id, participantTypes[a.userType], millis, "", pairs(
			"agentFullName", a.name, "agentNickname", a.nick, "agentLoginName", a.login, "agentDeleted", "false", "agentPid", "pid-"+a.id,
			"userType", a.userType, "userTypeName", typeNames[a.userType], "role", "AGENT", "agentGroupName", "Main Group",
			"permission", a.permission, "dialogId", f.dialog))
	}
	for _, a := range f.agents {
		agent("agent_joined", a, a.joined)
		if a.left > 0 {
			agent("agent_left", a, a.left)
		} else if !f.closed() {
			agent("agent_active", a, a.joined)
		}
	}
	first, last, name := f.consumerNames()
	l.add("consumer_joined", []string{f.dialog}, consumerID(f.PersonID), "contact", f.start, "", pairs(
		"firstName", first, "lastName", last, "consumerName", name, "email", f.person.Email, "phone", f.person.Phone,
		"timeL", digits(f.start+8), "dialogId", f.dialog))
}

func (s *Site) workEvents(l *ledger) {
	f := l.f
	for k, m := range f.moves {
		more := pairs("reason", "Agent", "dialogId", f.dialog)
		if a, ok := f.assignee(); ok && k%2 == 1 {
			more["assignedAgentId"], more["assignedAgentFullName"] = word(a.id), known(a.name)
		}
		if f.skill != "" {
			more["targetSkillId"], more["targetSkillName"], more["reason"] = word(digits(f.GroupID)), word(f.skill), word("Skill")
		}
		l.add("transfer", []string{f.dialog}, f.first(), l.typeOf(f.first()), m.at, "", more)
	}
	if a, ok := f.assignee(); ok {
		l.add("interaction", []string{"1", f.dialog}, a.id, participantTypes[a.userType], a.joined, "",
			pairs("assignedAgentFullName", a.name, "interactiveSequence", "1", "dialogId", f.dialog))
	}
	more := pairs("dialogId", f.dialog, "status", "OPEN", "dialogType", "MAIN", "dialogChannelType", "MESSAGING")
	if f.closed() {
		more["status"], more["endTimeL"] = word("CLOSE"), word(digits(f.end))
	}
	l.add("dialog", []string{f.dialog}, "", "", f.start, "", more)
	if f.hasSurvey() {
		l.add("dialog", []string{f.survey}, "", "", f.end+100, "", pairs("dialogId", f.survey, "status", "CLOSE", "dialogType", "POST_SURVEY",
			"metaData", `[{"name":"bot"}]`, "endTimeL", digits(f.full)))
	}
}

func (s *Site) rareEvents(l *ledger) {
	f := l.f
	if f.rating != nil {
		l.add("survey", []string{f.survey, "545"}, "", "", 0, "", pairs("surveyType", "Satisfaction", "surveyStatus", "FILLED", "dialogId", f.survey,
			"surveyId", "545", "surveyData", text(surveyData(f.rating))))
	}
	if f.Number%20 == 0 {
		l.add("co_browse", []string{"cb-1"}, f.first(), cmp.Or(l.typeOf(f.first()), "agent"), f.start+5000, "", pairs("sessionId", "cb-1", "endReason", "agent",
			"duration", "9000", "type", "web", "interactive", "true", "endTimeL", digits(f.start+14_000)))
	}
	millis := digits(f.start - 2000)
	if f.person.Identified() {
		l.add("sde", []string{"CUSTOMER_INFO"}, "", "", f.start-2000, "", pairs("sdeType", "CUSTOMER_INFO",
			"customerInfo", `{"customerInfo":{"balance":12.5,"customerId":`+digits(f.PersonID)+`},"serverTimeStamp":`+millis+`}`))
		if f.Number%4 == 0 {
			l.add("sde", []string{"PURCHASE"}, "", "", f.start-2000, "", pairs("sdeType", "PURCHASE", "purchase", `{"orderId":"O-1","originalTimeStamp":`+millis+`}`))
		}
	}
	if f.Number%7 == 0 {
		l.add("sde_unauthenticated", []string{"CART_STATUS"}, "", "", f.start-3000, "", pairs("sdeType", "CART_STATUS",
			"cartStatus", `{"originalTimeStamp":`+digits(f.start-3000)+`,"total":12.5}`))
	}
	if f.skill != "" {
		l.add("skill_change", nil, "", "", f.start+2500, "", pairs("newSkillId", digits(f.GroupID), "newSkillName", f.skill))
	}
	if m := f.asked(); m != nil {
		l.add("intent", []string{m.id}, "", "", 0, m.id, pairs("allClassifications", "[]", "selectedClassification", `{"confidenceScore":0.911,"intentName":"billing"}`))
	}
	filled := func(kind, id string, millis int64) {
		l.add(kind, []string{f.dialog, id}, "", "", millis, "", pairs("surveyStatus", "SUBMITTED", "dialogId", f.dialog, "surveyId", id,
			"acSurveyRevision", "3", "assignedAgentId", f.first(),
			"submittedAnswers", `[{"answers":[{"answer":"refund"},{"answer":"NA"}],"questionId":"q","questionText":"Topic?"}]`))
	}
	if f.closed() && f.Number%9 == 0 {
		filled("agent_survey", "as-2", f.end+9000)
	}
	if f.closed() && f.Number%18 == 0 {
		filled("agent_survey_submitted", "as-1", f.end+4000)
	}
}
