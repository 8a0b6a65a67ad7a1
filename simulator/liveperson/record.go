package liveperson

import (
	"slices"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// stamp writes a time twice, as number and as text, as the platform does. The text is sometimes half a minute late, as in the
// platform's own examples.
func (s *Site) stamp(o obj, name string, at int64) obj {
	if at <= 0 {
		o[name], o[name+"L"] = "undefined", s.millis(-1)
		return o
	}
	spelled := at
	if at%7 == 0 {
		spelled += 31_000
	}
	o[name] = time.UnixMilli(spelled).UTC().Format("2006-01-02 15:04:05.000-0700")
	o[name+"L"] = s.millis(at)
	return o
}

func (s *Site) millis(at int64) any {
	if s.options.TextTimes {
		return strconv.FormatInt(at, 10)
	}
	return at
}

// defaults are the kinds that are sent if the request names none.
var defaults = []string{
	"campaign", "messageRecords", "agentParticipants", "agentParticipantsLeave", "agentParticipantsActive", "consumerParticipants",
	"transfers", "interactions", "messageScores", "messageStatuses", "conversationSurveys", "coBrowseSessions", "summary", "sdes",
}

// cutTo is how many messages remain in a record that is cut.
const cutTo = 50

// record is a conversation as the account's API sends it, with the requested content.
func (s *Site) record(t simulator.Thread, content []string, version string, many bool) obj {
	if len(content) == 0 {
		content = defaults
	}
	f := s.facts(t)
	cut := s.options.CutAbove > 0 && many && len(f.messages) > s.options.CutAbove
	all := obj{"info": s.info(f, cut)}
	for _, kind := range content {
		if part := s.part(f, kind, version, cut); part != nil {
			all[kind] = part
		}
	}
	return all
}

func (s *Site) part(f facts, kind, version string, cut bool) any {
	switch kind {
	case "campaign":
		if f.source(s) == "SHARK" {
			return obj{"campaignId": "22", "campaignName": "Support", "lobId": 2389848512, "goalName": "null", "engagementAgentNote": "", "profileSystemDefault": true}
		}
		return nil
	case "monitoring":
		if page := pageOf(f.Additional); f.source(s) == "SHARK" {
			return obj{"country": "Germany", "countryCode": "DE", "isp": "NA", "conversationStartPage": page, "browser": "Firefox 128"}
		}
		return nil
	case "messageRecords":
		return s.messageRecords(f, cut)
	case "agentParticipants", "agentParticipantsLeave", "agentParticipantsActive":
		return s.agentRecords(f, kind)
	case "consumerParticipants":
		return []obj{s.consumerRecord(f)}
	case "transfers":
		return s.transfers(f)
	case "interactions":
		return s.interactions(f)
	case "messageScores":
		return s.scores(f)
	case "messageStatuses":
		return s.statusRecords(f)
	case "conversationSurveys":
		if f.rating == nil {
			return []obj{}
		}
		return []obj{{"surveyType": "Satisfaction", "surveyStatus": "FILLED", "dialogId": f.survey, "surveyId": "545", "surveyData": surveyData(f.rating)}}
	case "coBrowseSessions":
		sessions := []obj{}
		if f.Number%20 == 0 {
			session := obj{"sessionId": "cb-1", "endReason": "agent", "duration": 9000, "type": "web", "agentId": f.first(), "interactive": true}
			sessions = append(sessions, s.stamp(s.stamp(session, "startTime", f.start+5000), "endTime", f.start+14_000))
		}
		return obj{"coBrowseSessionsList": sessions}
	case "dialogs":
		return s.dialogs(f)
	default:
		return s.rarePart(f, kind, version)
	}
}

func (f facts) source(s *Site) string { return s.source(f.ChannelID) }

func (s *Site) rarePart(f facts, kind, version string) any {
	switch kind {
	case "summary":
		if f.closed() && f.Number%3 == 0 {
			return obj{"text": "Solved: \"null\" & void", "lastUpdatedTime": s.millis(f.end - 5000)}
		}
	case "sdes":
		return obj{"events": s.sdes(f, version)}
	case "unAuthSdes":
		if version == "2" && f.Number%7 == 0 {
			return obj{"events": []obj{{"cartStatus": obj{"total": 12.5, "originalTimeStamp": f.start - 3000}, "sdeType": "CART_STATUS"}}}
		}
	case "responseTime":
		due := int64(-1)
		if !f.closed() {
			due = f.LastActivityAt.UnixMilli() + 600_000
		}
		return obj{"latestEffectiveResponseDueTime": due, "configuredResponseTime": 600}
	case "skillChanges":
		if f.skill != "" {
			return []obj{s.stamp(obj{"newSkillId": f.GroupID, "newSkillName": f.skill}, "time", f.start+2500)}
		}
	case "intents":
		if m := f.asked(); m != nil {
			return []obj{{"messageId": m.id, "selectedClassification": obj{"intentName": "billing", "confidenceScore": 0.911}, "allClassifications": []obj{}}}
		}
	case "uniqueIntents":
		if f.asked() != nil {
			return []obj{{"intentName": "billing", "intentLabel": "Billing"}}
		}
	case "latestAgentSurvey":
		if f.closed() && f.Number%9 == 0 {
			return s.agentSurvey(f, "as-2", f.end+9000)
		}
	case "previouslySubmittedAgentSurveys":
		if f.closed() && f.Number%18 == 0 {
			return []obj{s.agentSurvey(f, "as-1", f.end+4000)}
		}
	}
	return nil
}

// asked is the first message of the consumer, for some conversations.
func (f facts) asked() *said {
	for i := range f.messages {
		if f.messages[i].author == consumerID(f.PersonID) && f.Number%5 == 0 {
			return &f.messages[i]
		}
	}
	return nil
}

func (s *Site) agentSurvey(f facts, id string, at int64) obj {
	return obj{
		"surveyStatus": "SUBMITTED", "dialogId": f.dialog, "surveyId": id, "acSurveyRevision": 3, "assignedAgentId": f.first(),
		"lastUpdateTime": s.millis(at), "submittedAnswers": []obj{{"questionText": "Topic?", "questionId": "q", "answers": []obj{{"answer": "refund"}, {"answer": "NA"}}}},
	}
}

func (s *Site) sdes(f facts, version string) []obj {
	events := []obj{}
	if !f.person.Identified() {
		return events
	}
	var at, balance any = f.start - 2000, 12.5
	if version != "2" {
		at, balance = strconv.FormatInt(f.start-2000, 10), "12.5"
	}
	customer := obj{"customerInfo": obj{"serverTimeStamp": at, "customerInfo": obj{"customerId": f.PersonID, "balance": balance}}, "sdeType": "CUSTOMER_INFO", "serverTimeStamp": at}
	events = append(events, customer, customer)
	if f.Number%4 == 0 {
		events = append(events, obj{"purchase": obj{"orderId": "O-1", "originalTimeStamp": at}, "sdeType": "PURCHASE"})
	}
	return events
}

func pageOf(a simulator.Attributes) string {
	for _, one := range a {
		if page, ok := one.Value.(string); ok && one.Key == "referer" {
			return page
		}
	}
	return ""
}

func languageOf(a simulator.Attributes) string {
	for _, one := range a {
		if language, ok := one.Value.(string); ok && one.Key == "browser_language" && language != "" {
			return language
		}
	}
	return "undefined"
}

func (s *Site) info(f facts, cut bool) obj {
	o := obj{
		"conversationId": f.UUID, "brandId": s.options.AccountID, "latestAgentId": "-1", "latestAgentFullName": "undefined",
		"agentDeleted": false, "latestSkillId": -1, "latestSkillName": "Unassigned", "source": f.source(s), "closeReason": "undefined",
		"mcs": 50 + f.Number%50, "alertedMCS": f.Number%3 - 1, "status": "OPEN", "fullDialogStatus": "OPEN", "firstConversation": f.Number%11 == 0,
		"device": "NA", "browserVersion": "undefined", "latestAgentGroupId": -1, "latestAgentGroupName": "Main Group",
		"latestQueueState": "ACTIVE", "isPartial": cut, "features": []string{"PHOTO_SHARING", "RICH_CONTENT"}, "language": languageOf(f.Additional),
		"integration": "WEB_SDK",
	}
	s.stamp(o, "startTime", f.start)
	s.stamp(o, "endTime", f.full)
	s.stamp(o, "conversationEndTime", f.end)
	s.stamp(o, "fullDialogEndTime", f.full)
	if a, ok := f.assignee(); ok {
		o["latestAgentId"], o["latestAgentFullName"] = a.id, a.name
	}
	if f.skill != "" {
		o["latestSkillId"], o["latestSkillName"] = f.GroupID, f.skill
	}
	o["duration"] = s.options.Now().UnixMilli() - f.start
	if f.closed() {
		o["status"], o["fullDialogStatus"], o["closeReason"], o["duration"] = "CLOSE", "CLOSE", "AGENT", f.end-f.start
	}
	if f.rating != nil {
		o["csatRate"] = f.rating.Rating
	}
	if s.options.LastUpdateTime {
		o["lastUpdateTime"] = s.millis(f.UpdatedAt.UnixMilli())
	}
	return o
}

func (f facts) assignee() (attendance, bool) {
	for _, a := range f.agents {
		if a.permission == "ASSIGNED_AGENT" {
			return a, true
		}
	}
	return attendance{}, false
}

// messageRecords are unordered for some conversations.
func (s *Site) messageRecords(f facts, cut bool) []obj {
	all := []obj{}
	for _, m := range f.messages {
		o := obj{
			"type": kindOf(m), "messageData": s.messageData(m), "messageId": m.id, "seq": m.seq, "dialogId": m.dialog, "participantId": m.author,
			"source": f.source(s), "device": "DESKTOP", "audience": "ALL", "sentBy": "Agent",
		}
		if m.author == consumerID(f.PersonID) {
			o["sentBy"] = "Consumer"
		}
		if m.private {
			o["audience"] = "AGENTS_AND_MANAGERS"
		}
		if m.Author.Kind == simulator.ByBot {
			o["contextData"] = botContext
		}
		all = append(all, s.stamp(o, "time", m.at))
	}
	if cut {
		all = all[:min(cutTo, len(all))]
	}
	if f.Number%4 == 0 {
		slices.Reverse(all)
	}
	return all
}

var botContext = obj{"structuredMetadata": []obj{{"botResponse": obj{"intents": []obj{{"id": "x", "confidenceScore": 0.91}}}}}}

func (s *Site) messageData(m said) obj {
	o := obj{}
	if t := textOf(m); t != nil {
		o["msg"] = obj{"text": *t}
	}
	if len(m.Files) > 0 {
		address, kind := s.file(m.Files[0])
		o["file"] = obj{"relativePath": address, "fileType": kind, "caption": m.Files[0].Title, "preview": "aGk="}
	}
	if len(m.Files) > 1 {
		o["link"] = obj{"externalFileLink": linked(m.Files[1]), "fileType": m.Files[1].MediaType}
	}
	switch m.ContentType {
	case "select":
		o["quickReplies"] = obj{"content": rich(m)}
	case "cards", "article":
		o["richContent"] = obj{"content": rich(m)}
	case "form":
		o["formId"], o["formName"], o["invitationId"] = "f-1", m.Items[0].Title, "i-1"
	}
	return o
}
