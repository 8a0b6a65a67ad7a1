package liveperson

import (
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// assignedAgent is the permission, and the role, of the agent to whom a conversation is assigned.
const assignedAgent = "ASSIGNED_AGENT"

// assignment is the assignment of a conversation to an agent.
type assignment struct {
	at            *time.Time
	agent, dialog string
}

// history is what a record says about the past: its assignments and dialogs.
type history struct {
	assignments []assignment
	dialogs     map[string]dialog
	surveyEnd   *time.Time // of the only survey, if its dialog does not have it
}

// dialog is one dialog of a conversation.
type dialog struct {
	survey         bool // a survey after the conversation
	started, ended *time.Time
}

// postSurvey is the type of a dialog with a survey after the conversation. "Conversations", dialogs: MAIN and POST_SURVEY.
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

// agentAt returns the agent to whom the conversation was assigned at a time, or nil if the record does not tell. It ignores
// whoever conducts a survey in its own dialog.
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

// lastSurvey returns the dialog of the survey that began last, or "" if there is none.
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

// inDialog returns the messages of a dialog from one type of author, in order, or from all authors if author is empty.
func inDialog(all []schemas.Message, dialog, author string) []schemas.Message {
	return slices.DeleteFunc(slices.Clone(all), func(m schemas.Message) bool {
		return dialog == "" || stringOf(m.Attributes["dialogId"]) != dialog || author != "" && stringOf(m.AuthorType) != author
	})
}

// answered returns when a survey in a dialog was answered, and the message with the answer: the consumer's last message in it. A
// survey without messages was answered at the end of its dialog.
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
