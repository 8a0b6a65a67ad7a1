package liveperson

import (
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// assignedAgent is the permission, and the role, of the one to whom a conversation is assigned.
const assignedAgent = "ASSIGNED_AGENT"

// assignment is when a conversation was given to an agent.
type assignment struct {
	at            *time.Time
	agent, dialog string
}

// history is what a record tells of the times before it was read: whom the conversation was assigned to, and its dialogs.
type history struct {
	assignments []assignment
	dialogs     map[string]dialog
	surveyEnd   *time.Time // of the only survey, where its dialog does not tell
}

// dialog is one dialog of a conversation.
type dialog struct {
	survey         bool // it is a survey after the conversation
	started, ended *time.Time
}

// postSurvey is the type of a dialog in which a survey is asked after the conversation.
// "Conversations", dialogs: MAIN and POST_SURVEY.
const postSurvey = "POST_SURVEY"

func readHistory(o object) history {
	h := history{dialogs: map[string]dialog{}}
	each(o["dialogs"], func(d object) {
		h.dialogs[d.word("dialogId")] = dialog{d.word("dialogType") == postSurvey, d.moment("startTime"), d.moment("endTime")}
	})
	each(o["agentParticipants"], func(a object) {
		if a.word("permission") == assignedAgent {
			h.assign(a.moment("time"), a.word("agentId"), a.word("dialogId"))
		}
	})
	each(o["interactions"], func(i object) {
		h.assign(i.moment("interactionTime"), i.word("assignedAgentId"), i.word("dialogId"))
	})
	each(o["transfers"], func(t object) {
		h.assign(t.moment("time"), t.word("assignedAgentId"), t.word("dialogId"))
	})
	return h
}

func (h *history) assign(at *time.Time, agent, dialog string) {
	if agent != "" {
		h.assignments = append(h.assignments, assignment{at, agent, dialog})
	}
}

// agentAt is to whom the conversation was assigned last at a time; nil where the record does not tell. Whoever asks a
// survey in its own dialog is not meant.
func (h *history) agentAt(at *time.Time) *string {
	var last *assignment
	agents := map[string]bool{}
	for i, a := range h.assignments {
		if h.dialogs[a.dialog].survey {
			continue
		}
		agents[a.agent] = true
		if at != nil && a.at != nil && !a.at.After(*at) && (last == nil || wire.CompareTimes(a.at, last.at) >= 0) {
			last = &h.assignments[i]
		}
	}
	if last != nil {
		return &last.agent
	}
	for agent := range agents {
		if len(agents) == 1 {
			return &agent
		}
	}
	return nil
}

// lastSurvey is the dialog of the survey that began last, empty where there is none.
func (h *history) lastSurvey() (id string) {
	for name, d := range h.dialogs {
		if !d.survey {
			continue
		}
		if c := wire.CompareTimes(d.started, h.dialogs[id].started); id == "" || c > 0 || c == 0 && name > id {
			id = name
		}
	}
	return id
}

// inDialog are the messages of a dialog that a kind of author wrote, in their order; of any where none is named.
func inDialog(all []schemas.Message, dialog, author string) []schemas.Message {
	return slices.DeleteFunc(slices.Clone(all), func(m schemas.Message) bool {
		return dialog == "" || stringOf(m.Attributes["dialogId"]) != dialog || author != "" && stringOf(m.AuthorType) != author
	})
}

// answered is when a survey in a dialog was answered, and the message that was the answer: the consumer's last words in it.
// Of a survey without words it is the end of its dialog.
func (m *mapper) answered(dialog, answer string) (at *time.Time, message *string) {
	d := m.history.dialogs[dialog]
	words := inDialog(m.Messages, dialog, typeContact)
	for i := len(words) - 1; i >= 0; i-- {
		if answer != "" && strings.TrimSpace(stringOf(words[i].Text)) == answer {
			return words[i].CreatedAt, &words[i].MessageID
		}
	}
	if n := len(words); n > 0 && d.survey {
		return words[n-1].CreatedAt, nil
	}
	if d.survey {
		return d.ended, nil
	}
	return nil, nil
}
