package liveperson

import (
	"strings"

	"github.com/chatlake/chatlake/simulator"
)

func (f facts) consumerNames() (first, last, name string) {
	if !f.person.Identified() || f.person.Name == "" {
		return "", "", "Visitor"
	}
	first, last, _ = strings.Cut(f.person.Name, " ")
	return first, last, f.person.Name
}

// roles are the participants as the consumer's API shows them.
func (f facts) roles() []obj {
	all := []obj{{"id": consumerID(f.PersonID), "role": "CONSUMER"}}
	for _, a := range f.agents {
		all = append(all, obj{"id": a.id, "role": a.role()})
	}
	return all
}

// role is the consumer API's word for a participant of the brand.
func (a attendance) role() string {
	if a.userType == "0" {
		return "CONTROLLER"
	}
	return a.permission
}

// metadataRecord is a conversation in a consumer's list. Its stage is that of the whole conversation, which may continue
// after its main dialog.
func (s *Site) metadataRecord(t simulator.Thread) obj {
	f := s.facts(t)
	state := "OPEN"
	main := obj{"dialogId": f.dialog, "participantsDetails": f.roles()[:1], "dialogType": "MAIN", "state": state, "creationTs": f.start, "channelType": "MESSAGING"}
	o := obj{"convId": t.UUID, "participants": f.roles(), "stage": "OPEN", "startTs": f.start}
	if f.closed() {
		state = "CLOSE"
		o["endTs"], o["closeReason"] = f.end, "AGENT"
		main["endTs"], main["closedBy"] = f.end, "Agent"
		if f.Number%6 != 0 {
			o["stage"] = "CLOSE"
		}
	}
	main["state"], o["state"] = state, state
	dialogs := []obj{main}
	if f.hasSurvey() {
		dialogs = append(dialogs, obj{"dialogId": f.survey, "dialogType": "POST_SURVEY", "state": "CLOSE", "creationTs": f.end + 100, "endTs": f.full})
	}
	o["dialogs"] = dialogs
	if f.rating != nil {
		o["csat"] = obj{"csatRate": float64(f.rating.Rating), "csatResolutionConfirmation": f.rating.Rating > 3, "status": "FILLED"}
	}
	return o
}

// contentRecords are the parts of a conversation that the consumer can read: no notes, and the statuses last.
func (s *Site) contentRecords(t simulator.Thread) []obj {
	f := s.facts(t)
	contents, statuses := []obj{}, []obj{}
	for k, m := range f.messages {
		if m.private {
			continue
		}
		if k == 0 {
			statuses = append(statuses, obj{
				"dialogId": m.dialog, "originatorId": m.author, "serverTimestamp": m.at - 1, "originatorMetadata": obj{"id": m.author, "role": f.roleOf(m.author)},
				"event": obj{"type": "ChatStateEvent", "chatState": "COMPOSING"},
			})
		}
		for _, event := range s.contentEvents(m) {
			o := obj{"sequence": m.seq, "dialogId": m.dialog, "originatorId": m.author, "serverTimestamp": m.at, "event": event}
			o["originatorMetadata"] = obj{"id": m.author, "role": f.roleOf(m.author)}
			contents = append(contents, o)
		}
		for _, st := range m.statuses {
			if st.name == "SENT" {
				continue
			}
			statuses = append(statuses, obj{
				"dialogId": m.dialog, "originatorId": st.by, "serverTimestamp": st.at, "originatorMetadata": obj{"id": st.by, "role": f.roleOf(st.by)},
				"event": obj{"type": "AcceptStatusEvent", "status": st.name, "sequenceList": []int{m.seq}},
			})
		}
	}
	return append(contents, statuses...)
}

func (f facts) roleOf(id string) string {
	if id == consumerID(f.PersonID) {
		return "CONSUMER"
	}
	for _, a := range f.agents {
		if a.id == id {
			return a.role()
		}
	}
	return "READER"
}

// contentEvents is a message as one event, which is either a text, a file, or rich content.
func (s *Site) contentEvents(m said) []obj {
	switch t := textOf(m); {
	case m.ContentType == "form":
		return []obj{{"type": "ContentEvent", "contentType": "forms/secure-invitation", "message": obj{"formId": "f-1", "formName": m.Items[0].Title, "invitationId": "i-1"}}}
	case m.ContentType == "select":
		return []obj{{"type": "ContentEvent", "contentType": "text/plain", "message": *t, "quickReplies": richly(m)}}
	case len(m.Items) > 0:
		return []obj{{"type": "RichContentEvent", "content": rich(m)}}
	case len(m.Files) > 0:
		address, kind := s.file(m.Files[0])
		return []obj{{"type": "ContentEvent", "contentType": "hosted/file", "message": obj{"relativePath": address, "fileType": kind, "caption": m.Files[0].Title}}}
	case t == nil:
		return []obj{{"type": "ContentEvent", "contentType": "text/plain", "message": ""}}
	case m.Mail != nil:
		return []obj{{"type": "ContentEvent", "contentType": "text/html", "message": *t}}
	default:
		return []obj{{"type": "ContentEvent", "contentType": "text/plain", "message": *t}}
	}
}
