package chatwoot

import (
	"maps"
	"slices"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// csatAnswer is the answer to a survey among the submitted values of its message, empty where there is none.
func csatAnswer(submitted value) *wire.Reader {
	return wire.Read(wire.Fields(submitted)["csat_survey_response"])
}

// csatRating reads an answer as it stands in messages and in csat_survey_responses. A rating that is no number is no
// score: it is kept among the answers, as is all else that has no column.
func csatRating(r *wire.Reader) schemas.Rating {
	rating := schemas.Rating{Kind: "csat", Score: wire.Parse(r, "rating", number), Comment: r.Text("feedback_message")}
	rest := r.Rest()
	for _, question := range slices.Sorted(maps.Keys(rest)) {
		rating.Answers = append(rating.Answers, schemas.Answer{Question: &question, Answer: rest[question]})
	}
	return rating
}

// surveyRating reads a row of csat_survey_responses. It knows what the message of the survey does not: the agent who was
// rated, whoever has the conversation today, and when. It has the rating_id of the message's own row.
// Seen in chatwoot/chatwoot app/views/api/v1/models/_csat_survey_response.json.jbuilder.
func surveyRating(doc schemas.Document, r *wire.Reader) schemas.Rating {
	id, message := r.Word("id"), r.Text("message_id")
	agent, contact := r.Object("assigned_agent"), r.Object("contact")
	r.Skip("account_id")
	conversation, answered := r.Word("conversation_id"), wire.Parse(r, "created_at", moment)
	rating := csatRating(r)
	rating.ConversationID, rating.RatingID, rating.ObservedAt = conversation, "survey:"+id, doc.ObservedAt
	if message != nil {
		rating.RatingID = *message
	}
	rating.MessageID, rating.AnsweredAt = message, answered
	rating.AgentID, rating.ContactID = agent.Text("id"), contact.Text("id")
	return rating
}
