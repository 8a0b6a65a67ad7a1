package liveperson

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// scoreTypes are the types of questions whose answers are scores. "Conversations", conversationSurveys: questionType.
var scoreTypes = []string{"csat", "nps", "ces"}

// surveys maps survey answers. The surveys stay in the record: each is also an event, with everything that a rating has no column
// for.
func (m *mapper) surveys(o, info object) {
	if surveys, _ := o["conversationSurveys"].([]any); len(surveys) < 2 {
		m.history.surveyEnd = surveyEnd(info)
	}
	scores, whole := m.surveyed(o)
	for _, known := range [][2]string{{"csatRate", "csat"}, {"csat", "csat"}, {"nps", "nps"}} {
		score := info.number(known[0])
		if score == nil || known[0] == "csat" && slices.ContainsFunc(m.Ratings, func(r schemas.Rating) bool { return r.RatingID == "csat" }) {
			continue
		}
		m.rate(m.stated(known[1], *score, &scores, info))
	}
	for _, rating := range slices.Concat(scores, whole) {
		m.rate(rating)
	}
	for _, list := range []string{"latestAgentSurvey", "previouslySubmittedAgentSurveys"} {
		n := 0
		each(o[list], func(s object) {
			m.rate(m.agentSurvey(s, fmt.Sprintf("%s:%d", list, n)))
			n++
		})
	}
}

// stated maps a score that the conversation states. It is the last answer of its kind with this score, which it removes from
// scores. If there is none, at most the time of the survey is known.
func (m *mapper) stated(kind string, score float64, scores *[]schemas.Rating, info object) schemas.Rating {
	for i := len(*scores) - 1; i >= 0; i-- {
		if r := (*scores)[i]; r.Kind == kind && *r.Score == score {
			*scores = slices.Delete(*scores, i, i+1)
			r.RatingID = kind
			return r
		}
	}
	rating := schemas.Rating{RatingID: kind, Kind: kind, Score: &score}
	m.locateRating(&rating, m.history.lastSurvey(), fmt.Sprint(score), endOf(info))
	return rating
}

// surveyEnd returns the end of the survey after a conversation, as the conversation states it, or nil if it ended with the
// conversation.
func surveyEnd(info object) *time.Time {
	whole := cmp.Or(momentIn(info, "fullDialogEndTime"), momentIn(info, "endTime"))
	if wire.CompareTimes(whole, endOf(info)) > 0 {
		return whole
	}
	return nil
}

// endOf returns when a conversation ended. momentIn reads a time without taking it.
func endOf(info object) *time.Time {
	return cmp.Or(momentIn(info, "conversationEndTime"), momentIn(info, "endTime"))
}

func momentIn(o object, name string) *time.Time {
	return cmp.Or(momentOf(o[name+"L"]), momentOf(o[name]))
}

// locateRating sets when a survey in a dialog was asked and answered, and who was rated: the agent who had the conversation when the
// survey was asked, or when the conversation ended.
func (m *mapper) locateRating(r *schemas.Rating, dialog, answer string, ended *time.Time) {
	if r.AskedAt = m.history.dialogs[dialog].started; r.AskedAt == nil && dialog != m.id {
		if first := inDialog(m.Messages, dialog, ""); len(first) > 0 {
			r.AskedAt = first[0].CreatedAt
		}
	}
	r.AnsweredAt, r.MessageID = m.answered(dialog, answer)
	if r.AnsweredAt == nil {
		r.AnsweredAt = m.history.surveyEnd
	}
	r.AgentID, r.ContactID = m.history.agentAt(cmp.Or(r.AskedAt, ended)), m.contact()
}

// surveyed returns the answers to questions that ask for a score, and the surveys as a whole.
func (m *mapper) surveyed(o object) (scores, whole []schemas.Rating) {
	n := 0
	each(o["conversationSurveys"], func(s object) {
		id, dialog := fmt.Sprintf("survey:%s:%d", s.word("surveyId"), n), s.peek("dialogId")
		survey := schemas.Rating{RatingID: id, Kind: cmp.Or(s.word("surveyType"), "survey")}
		m.locateRating(&survey, dialog, "", endOf(asObject(o["info"])))
		each(s["surveyData"], func(d object) {
			given := answersOf(d)
			survey.Answers = append(survey.Answers, given...)
			if kind := strings.ToLower(d.peek("questionType")); len(given) == 1 && slices.Contains(scoreTypes, kind) {
				answer := d.peek("answer")
				rating := schemas.Rating{RatingID: fmt.Sprintf("%s:%d", id, len(survey.Answers)-1), Kind: kind, Score: d.number("answer"), Answers: given}
				if rating.Score != nil {
					m.locateRating(&rating, dialog, answer, nil)
					rating.AskedAt, rating.AgentID = survey.AskedAt, survey.AgentID
					scores = append(scores, rating)
				}
			}
		})
		whole = append(whole, survey)
		n++
	})
	return scores, whole
}

// answersOf returns one question of a survey and its answer. If the answer does not count, a second entry says so.
// "Conversations", surveyData: isValidAnswer, and answerId, which may be InvalidAnswer.
func answersOf(d object) []schemas.Answer {
	const validity = "isValidAnswer"
	all := []schemas.Answer{{Question: textOf(d["question"]), Answer: textOf(d["answer"])}}
	if strings.EqualFold(d.peek(validity), "false") || strings.EqualFold(d.peek("answerId"), "InvalidAnswer") {
		all = append(all, schemas.Answer{Question: new(validity), Answer: new("false")})
	}
	return all
}

// agentSurvey maps a survey that an agent filled in about a conversation.
func (m *mapper) agentSurvey(s object, id string) schemas.Rating {
	rating := schemas.Rating{RatingID: id, Kind: "agent_survey", AnsweredAt: m.when(s, "lastUpdateTime"), ContactID: m.contact()}
	for _, name := range []string{"assignedAgentId", "performedByAgentId"} {
		if agent := s.value(name); agent != nil {
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
