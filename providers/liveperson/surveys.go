package liveperson

import (
	"fmt"
	"strings"

	"github.com/chatlake/chatlake/schemas"
)

// surveys maps what people answered. The surveys stay in the record: each is an event too, with all that a rating has no
// column for.
func (m *mapper) surveys(o, info object) {
	agent := saidOf(info["latestAgentId"])
	for _, score := range [][2]string{{"csatRate", "csat"}, {"csat", "csat"}, {"nps", "nps"}} {
		if value := info.number(score[0]); value != nil {
			m.rate(schemas.Rating{RatingID: score[1], Kind: score[1], Score: value, AgentID: agent, ContactID: m.contact()})
		}
	}
	each(o["dialogs"], func(d object) {
		m.dialogs[d.word("dialogId")] = d.moment("startTime")
	})
	n := 0
	each(o["conversationSurveys"], func(s object) {
		rating := schemas.Rating{
			RatingID: fmt.Sprintf("survey:%s:%d", s.word("surveyId"), n),
			Kind:     kindOr(s.word("surveyType"), "survey"),
			AskedAt:  m.dialogs[s.word("dialogId")],
			AgentID:  agent, ContactID: m.contact(),
		}
		each(s["surveyData"], func(d object) {
			rating.Answers = append(rating.Answers, schemas.Answer{Question: d.text("question"), Answer: d.text("answer")})
		})
		m.rate(rating)
		n++
	})
	for _, list := range []string{"latestAgentSurvey", "previouslySubmittedAgentSurveys"} {
		elements := o[list]
		if one := asObject(elements); one != nil {
			elements = []any{map[string]any(one)}
		}
		n := 0
		each(elements, func(s object) {
			m.rate(m.agentSurvey(s, fmt.Sprintf("%s:%d", list, n)))
			n++
		})
	}
}

func kindOr(word, other string) string {
	if word == "" {
		return other
	}
	return word
}

// agentSurvey is what an agent filled in about a conversation.
func (m *mapper) agentSurvey(s object, id string) schemas.Rating {
	rating := schemas.Rating{RatingID: id, Kind: "agent_survey", AnsweredAt: m.when(s, "lastUpdateTime"), ContactID: m.contact()}
	for _, name := range []string{"assignedAgentId", "performedByAgentId"} {
		if agent := s.said(name); agent != nil {
			rating.AgentID = agent
		}
	}
	each(s["submittedAnswers"], func(a object) {
		var chosen []string
		each(a["answers"], func(one object) {
			if text := one.text("answer"); text != nil {
				chosen = append(chosen, *text)
			}
		})
		rating.Answers = append(rating.Answers, schemas.Answer{Question: a.text("questionText"), Answer: orNil(strings.Join(chosen, "; "))})
	})
	return rating
}

func (m *mapper) rate(r schemas.Rating) {
	r.ConversationID, r.ObservedAt = m.id, m.at
	m.Ratings = append(m.Ratings, r)
}
