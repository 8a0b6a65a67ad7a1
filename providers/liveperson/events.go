package liveperson

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/schemas"
)

// eventKind is a list of a record whose entries are events. Fields without a column go to the attributes.
type eventKind struct {
	list, kind string
	inner      string   // where the list is within an object
	time       string   // when it happened
	actor      string   // who did it
	actorType  string   // the actor's type, if the participants do not tell it
	names      []string // fields that distinguish entries, besides the time
}

// "Conversations", Messaging Interactions API: the properties of a record.
var eventKinds = []eventKind{
	{list: "agentParticipants", kind: "agent_joined", time: "time", actor: "agentId", actorType: typeAgent, names: []string{"permission", "dialogId"}},
	{list: "agentParticipantsLeave", kind: "agent_left", time: "time", actor: "agentId", actorType: typeAgent, names: []string{"permission", "dialogId"}},
	{list: "agentParticipantsActive", kind: "agent_active", time: "time", actor: "agentId", actorType: typeAgent, names: []string{"permission", "dialogId"}},
	{list: "consumerParticipants", kind: "consumer_joined", time: "joinTime", actor: "participantId", actorType: typeContact, names: []string{"dialogId"}},
	{list: "transfers", kind: "transfer", time: "time", actor: "by", names: []string{"dialogId"}},
	{list: "interactions", kind: "interaction", time: "interactionTime", actor: "assignedAgentId", actorType: typeAgent, names: []string{"interactiveSequence", "dialogId"}},
	{list: "dialogs", kind: "dialog", time: "startTime", names: []string{"dialogId"}},
	{list: "messageScores", kind: "message_score", time: "time", names: []string{"messageId"}},
	{list: "messageStatuses", kind: "message_status", time: "time", actor: "participantId", names: []string{"messageId", "messageDeliveryStatus"}},
	{list: "conversationSurveys", kind: "survey", names: []string{"dialogId", "surveyId"}},
	{list: "coBrowseSessions", inner: "coBrowseSessionsList", kind: "co_browse", time: "startTime", actor: "agentId", actorType: typeAgent, names: []string{"sessionId"}},
	{list: "sdes", inner: "events", kind: "sde", time: "serverTimeStamp", names: []string{"sdeType"}},
	{list: "unAuthSdes", inner: "events", kind: "sde_unauthenticated", time: "serverTimeStamp", names: []string{"sdeType"}},
	{list: "skillChanges", kind: "skill_change", time: "time", names: []string{"dialogId"}},
	{list: "intents", kind: "intent", names: []string{"messageId"}},
	{list: "latestAgentSurvey", kind: "agent_survey", time: "lastUpdateTime", names: []string{"dialogId", "surveyId", "acSurveyId"}},
	{list: "previouslySubmittedAgentSurveys", kind: "agent_survey_submitted", time: "lastUpdateTime", names: []string{"dialogId", "surveyId", "acSurveyId"}},
}

// addEvents maps the entries of a list to events.
func (m *mapper) addEvents(k eventKind, o object) {
	seen := map[string]bool{}
	for _, e := range k.entries(o) {
		if k.inner == "events" {
			same := compact(map[string]any(e))
			if seen[same] {
				continue // the platform repeats engagement attributes
			}
			seen[same] = true
			if e["serverTimeStamp"] == nil {
				e["serverTimeStamp"] = sdeTime(e)
			}
		}
		m.event(k, e)
	}
}

// entries takes the entries of a list.
func (k eventKind) entries(o object) []object {
	inner := asObject(o[k.list])
	if k.inner == "" || inner == nil {
		return o.list(k.list)
	}
	all := inner.list(k.inner)
	if len(inner) == 0 {
		o.take(k.list)
	}
	return all
}

// sdeTime returns the time of an engagement attribute if only its payload has one.
func sdeTime(e object) any {
	for _, name := range sortedKeys(e) {
		payload := asObject(e[name])
		if at := cmp.Or(valueOf(payload["serverTimeStamp"]), valueOf(payload["originalTimeStamp"])); at != nil {
			return *at
		}
	}
	return nil
}

// event maps one entry. more distinguishes it from others, in addition to the names of its kind.
func (m *mapper) event(k eventKind, e object, more ...string) {
	row := schemas.Event{ConversationID: m.id, ObservedAt: m.at, Kind: k.kind}
	id := append([]string{k.kind}, more...)
	if k.time != "" {
		row.CreatedAt = m.when(e, k.time)
	}
	if k.actor != "" {
		row.ActorID = e.value(k.actor)
	}
	for _, name := range k.names {
		if s := e.peek(name); s != "" {
			id = append(id, s)
		}
	}
	if row.ActorID != nil {
		id = append(id, *row.ActorID)
		kind := cmp.Or(m.people[*row.ActorID].kind, k.actorType)
		if sent := m.speaker(row.ActorID, e.peek("participantType")); kind == "" || sent == kind {
			kind = sent
			e.take("participantType")
		}
		row.ActorType = orNil(kind)
	}
	if row.CreatedAt != nil {
		id = append(id, strconv.FormatInt(row.CreatedAt.UnixMilli(), 10))
	}
	row.MessageID = e.value("messageId")
	if k.kind == "message_status" {
		m.delivered(stringOf(row.MessageID), e.peek("messageDeliveryStatus"), row.CreatedAt)
	}
	all := attributes{}
	all.rest("", e)
	row.Attributes = all.rows()
	row.EventID = m.unique(strings.Join(id, ":"))
	m.Events = append(m.Events, row)
}

// unique returns an event id that is unique in the conversation.
func (m *mapper) unique(id string) string {
	one := id
	for n := 2; m.events[one]; n++ {
		one = fmt.Sprintf("%s#%d", id, n)
	}
	m.events[one] = true
	return one
}
