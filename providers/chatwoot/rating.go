package chatwoot

import (
	"maps"
	"slices"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// csatAnswer returns the answer to a survey from the submitted values of its message; it is empty if there is none.
func csatAnswer(submitted value) *wire.Reader {
	return wire.Read(wire.Fields(submitted)["csat_survey_response"])
}

// csatRating reads an answer in the form that messages and csat_survey_responses share. A rating that is not a number is not a
// score. It becomes one of the answers, like everything else without a column.
func csatRating(r *wire.Reader) schemas.Rating {
	rating := schemas.Rating{Kind: "csat", Score: wire.Parse(r, "rating", number), Comment: r.Text("feedback_message")}
	others := r.Rest()
	for _, question := range slices.Sorted(maps.Keys(others)) {
		rating.Answers = append(rating.Answers, schemas.Answer{Question: &question, Answer: others[question]})
	}
	return rating
}

// surveyRating reads a row of csat_survey_responses. Unlike the survey's message, it contains the rated agent, who may have changed
// since, and the time of the answer. Both rows have the same rating_id.
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
