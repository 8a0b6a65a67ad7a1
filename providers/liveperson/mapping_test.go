package liveperson

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

// The text is everything that a person reads, in screen order; the effect of a click is not read.
func TestText(t *testing.T) {
	const rich = `{"type":"vertical","elements":[{"type":"carousel","elements":[{"type":"text","text":"Red","tooltip":"no"}]},
		{"type":"button","title":"Buy","click":{"actions":[{"type":"publishText","text":"no"}],"metadata":[{"title":"no"}]}},{"type":"image","url":"https://x","caption":"A shoe"}]}`
	const replies = `{"type":"quickReplies","replies":[{"type":"button","title":"Yes"},{"type":"button","title":" "},{"type":"button","title":"No"}]}`
	quoted := func(s string) string { return strings.TrimSpace(compact(s)) }
	for data, want := range map[string]string{
		`{"msg":{"text":"hi"}}`: "hi",
		`{"msg":{"text":""}}`:   "",
		`{"file":{"relativePath":"/x","caption":"broken box"}}`:                        "broken box",
		`{"link":{"externalFileLink":"https://x/l.php","caption":"Offer"}}`:            "Offer",
		`{"msg":{"text":"hi"},"quickReplies":{"content":` + quoted(replies) + `}}`:     "hi\nYes\nNo",
		`{"richContent":{"content":` + quoted(rich) + `}}`:                             "Red\nBuy\nA shoe",
		`{"richContent":{"content":` + rich + `},"quickReplies":` + replies + `}`:      "Red\nBuy\nA shoe\nYes\nNo",
		`{"richContent":{"content":"123"}}`:                                            "123",
		`{"richContent":{"content":"no JSON"}}`:                                        "no JSON",
		`{"richContent":{"content":"{\"title\":{\"text\":\"deep\"},\"text\":\"a\"}"}}`: "a\ndeep",
	} {
		m := thread(t, `{"messageRecords":[{"messageId":"m","sentBy":"Agent","messageData":`+data+`}]}`).Messages[0]
		if got := stringOf(m.Text); got != want {
			t.Errorf("%s reads %q, want %q", data, got, want)
		}
	}
}

func TestHTML(t *testing.T) {
	for _, docs := range [][]schemas.Document{
		{doc(kindRecord, "C", `{"messageRecords":[{"messageId":"m","type":"TEXT_HTML","messageData":{"msg":{"text":"<p>a <b>b</b></p>"}}}]}`)},
		{doc(kindMetadata, "C", `{}`), doc(kindContent, "C", `{"messageEventRecords":[{"event":{"type":"ContentEvent","contentType":"text/html","message":"<p>a <b>b</b></p>"}}]}`)},
	} {
		got, err := mapThread(docs)
		if err != nil {
			t.Fatal(err)
		}
		if m := got.Messages[0]; stringOf(m.Text) != "a b" || stringOf(m.HTML) != "<p>a <b>b</b></p>" || stringOf(m.Parts[0].Text) != "a b" {
			t.Errorf("%s: text %q, html %q", docs[0].Kind, stringOf(m.Text), stringOf(m.HTML))
		}
	}
}

// Quick replies may be next to the content, in either mode.
func TestQuickRepliesBeside(t *testing.T) {
	const replies = `"quickReplies":{"type":"quickReplies","replies":[{"type":"button","title":"Yes"}]}`
	for name, docs := range map[string][]schemas.Document{
		"account": {doc(kindRecord, "C", `{"messageRecords":[{"messageId":"m","messageData":{"msg":{"text":"a"}},`+replies+`}]}`)},
		"consumer, in the event": {doc(kindMetadata, "C", `{}`), doc(kindContent, "C",
			`{"messageEventRecords":[{"event":{"type":"ContentEvent","message":"a",`+replies+`}}]}`)},
		"consumer, beside it": {doc(kindMetadata, "C", `{}`), doc(kindContent, "C",
			`{"messageEventRecords":[{`+replies+`,"event":{"type":"ContentEvent","message":"a"}}]}`)},
	} {
		got, err := mapThread(docs)
		if err != nil {
			t.Fatal(err)
		}
		m := got.Messages[0]
		if len(m.Parts) != 2 || m.Parts[1].Type != "quick_reply" || stringOf(m.Text) != "a\nYes" || m.Attributes["quickReplies"] != nil {
			t.Errorf("%s: text %q, parts %+v", name, stringOf(m.Text), m.Parts)
		}
	}
}

// The name of a file is one that was sent.
func TestFileNames(t *testing.T) {
	for file, want := range map[string]string{
		`"file":{"relativePath":"/v1/AUTH_async-images/1/8f3c-11.JPG"}`: "", `"link":{"externalFileLink":"https://x.example/l.php?u=1"}`: "",
		`"file":{"relativePath":"/v1/x","fileName":"box.jpg"}`: "box.jpg", `"link":{"externalFileLink":"https://x.example/1","name":"a.pdf"}`: "a.pdf",
	} {
		got := thread(t, `{"messageRecords":[{"messageId":"m","messageData":{`+file+`}}]}`)
		if a := got.Attachments[0]; stringOf(a.Name) != want || stringOf(got.Messages[0].Parts[0].Name) != want {
			t.Errorf("%s has the name %q, want %q", file, stringOf(a.Name), want)
		}
	}
}

// sentBy and the participant together determine the author; an unknown word belongs to nobody.
func TestAuthors(t *testing.T) {
	const people = `"agentParticipants":[{"agentId":"h","userType":"1","agentFullName":"Hana"},{"agentId":"b","userType":"2"},{"agentId":"s","userType":0},
		{"agentId":"n","userTypeName":"Bot"},{"agentId":"x","userType":"9"}],"consumerParticipants":[{"participantId":"c"}]`
	for message, want := range map[string]string{
		`"sentBy":"Consumer","participantId":"c"`:                                    "contact in message",
		`"sentBy":"agent","participantId":"h"`:                                       "agent out message",
		`"sentBy":"Agent","participantId":"b"`:                                       "bot out message",
		`"sentBy":"Agent","participantId":"n"`:                                       "bot out message",
		`"sentBy":"Agent","participantId":"s"`:                                       "system out template",
		`"sentBy":"Agent","participantId":"x"`:                                       "9 none message",
		`"sentBy":"Agent","participantId":"nobody"`:                                  "agent out message",
		`"sentBy":"Bot","participantId":"nobody"`:                                    "bot out message",
		`"sentBy":"System","participantId":"h"`:                                      "system out template",
		`"sentBy":"Controller","participantId":"h","audience":"AGENTS_AND_MANAGERS"`: "system none activity",
		`"sentBy":"Wizard","participantId":"nobody"`:                                 "wizard none message",
		`"sentBy":"Wizard","participantId":"h"`:                                      "agent out message",
		`"participantId":"c"`:                                                        "contact in message",
		`"participantId":"nobody"`:                                                   " none message",
		`"sentBy":"Agent","participantId":"h","audience":"AGENTS_AND_MANAGERS"`:      "agent none note",
		`"sentBy":"Agent","participantId":"h","audience":"SUPERVISORS"`:              "agent none note",
	} {
		got := thread(t, `{`+people+`,"messageRecords":[{"messageId":"m",`+message+`,"messageData":{"msg":{"text":"t"}}}]}`)
		m := got.Messages[0]
		if row := stringOf(m.AuthorType) + " " + *m.Direction + " " + m.Kind; row != want || m.IsPrivate != (m.Kind == "note" || m.Kind == "activity") {
			t.Errorf("%s is %q, want %q", message, row, want)
		}
		events := 0
		for _, e := range got.Events {
			if e.Kind == "system_message" && stringOf(e.MessageID) == "m" && stringOf(e.Text) == "t" {
				events++
			}
		}
		if events > 1 || (events == 1) != (m.Kind == "activity") {
			t.Errorf("%s has %d events", message, events)
		}
	}
}

// Both modes map the same roles to the same types, and what is not content is not a message.
func TestConsumerRoles(t *testing.T) {
	for role, want := range map[string]string{
		"CONSUMER": "contact in message", "ASSIGNED_AGENT": "agent out message", "MANAGER": "agent out message", "READER": "agent out message",
		"CONTROLLER": "system out template", "BOT": "bot out message", "WIZARD": "wizard none message",
	} {
		got, err := mapThread([]schemas.Document{doc(kindMetadata, "C", `{"participants":[{"id":"p","role":"`+role+`"}]}`), doc(kindContent, "C", `{"messageEventRecords":[
			{"dialogId":"C","sequence":1,"originatorId":"p","originatorMetadata":{"role":"`+role+`"},"event":{"type":"ContentEvent","message":"t"}},
			{"dialogId":"C","originatorId":"p","event":{"type":"ChatStateEvent","chatState":"COMPOSING"}},
			{"dialogId":"C","originatorId":"p","event":{"ParticipantEvent":{"state":"JOINED"}}}]}`)})
		if err != nil || len(got.Messages) != 1 || len(got.Events) != 2 || got.Events[0].Kind != "chat_state" || got.Events[1].Kind != "participant" {
			t.Fatalf("%s: %+v, %v", role, got, err)
		}
		m, p := got.Messages[0], got.Participants[0]
		if row := stringOf(m.AuthorType) + " " + *m.Direction + " " + m.Kind; row != want || p.Type != *m.AuthorType || stringOf(got.Events[0].ActorType) != p.Type {
			t.Errorf("%s is %q of a %s, want %q", role, row, p.Type, want)
		}
	}
}

// The order of statuses does not matter, and an unknown one is not the lowest.
func TestDelivery(t *testing.T) {
	for statuses, want := range map[string]string{
		"SENT@1":                    "SENT",
		"ACTION@1 SENT@2":           "ACTION",
		"READ@3 ACCEPT@2 SENT@1":    "READ",
		"NACK@1 SENT@2":             "NACK",
		"SENT@1 DELIVERED@2":        "DELIVERED",
		"READ@2 DELIVERED@1":        "READ",
		"DELIVERED@1 EXPIRED@2":     "EXPIRED",
		"SENT@3 READ@1 DELIVERED@2": "READ",
		"read@1 ACCEPT@2":           "read",
		"DELIVERED@1 SENT@0 READ@0": "DELIVERED",
	} {
		forward, backward := "", ""
		for _, s := range strings.Fields(statuses) {
			word, at, _ := strings.Cut(s, "@")
			one := `{"messageId":"m","timeL":179084620` + at + `000,"messageDeliveryStatus":"` + word + `"}`
			forward, backward = forward+","+one, one+","+backward
		}
		for _, list := range []string{strings.Trim(forward, ","), strings.Trim(backward, ",")} {
			got := thread(t, `{"messageRecords":[{"messageId":"m"}],"messageStatuses":[`+list+`]}`)
			if status := stringOf(got.Messages[0].DeliveryStatus); status != want {
				t.Errorf("%s is %q, want %q", statuses, status, want)
			}
		}
	}
}

// An agent who got the conversation after the survey was not rated.
const rated = `"info":{"conversationId":"C","status":"CLOSE","latestAgentId":"late","conversationEndTimeL":1790846500000,"fullDialogEndTimeL":1790846900000%s},
	"agentParticipants":[{"agentId":"bot","userType":"2","permission":"ASSIGNED_AGENT","timeL":1790846100000,"dialogId":"C"},
		{"agentId":"one","userType":"1","permission":"ASSIGNED_AGENT","timeL":1790846200000,"dialogId":"C"},
		{"agentId":"reader","permission":"READER","timeL":1790846300000,"dialogId":"C"},
		{"agentId":"asker","userType":"2","permission":"ASSIGNED_AGENT","timeL":1790846600000,"dialogId":"S"},
		{"agentId":"late","userType":"1","permission":"ASSIGNED_AGENT","timeL":1790846800000,"dialogId":"C"}],
	"dialogs":[{"dialogId":"C","dialogType":"MAIN","startTimeL":1790846100000},{"dialogId":"S","dialogType":"POST_SURVEY","startTimeL":1790846600000,"endTimeL":1790846900000}]`

func TestRatings(t *testing.T) {
	got := thread(t, `{`+strings.Replace(rated, "%s", `,"csatRate":4,"nps":"9"`, 1)+`,
		"messageRecords":[{"messageId":"a","dialogId":"S","sentBy":"Consumer","timeL":1790846700000,"messageData":{"msg":{"text":"4"}}}],
		"conversationSurveys":[{"surveyType":"Satisfaction","surveyId":"7","dialogId":"S","surveyData":[
			{"question":"Happy?","answer":"4","questionType":"CSAT","isValidAnswer":true},
			{"question":"Recommend?","answer":"9","questionType":"nps"},
			{"question":"Easy?","answer":2,"questionType":"CES"},
			{"question":"Again?","answer":"11","questionType":"nps","isValidAnswer":false},
			{"question":"Why?","answer":"3","questionType":"custom"}]}]}`)
	var rows []string
	for _, r := range got.Ratings {
		score := "-"
		if r.Score != nil {
			score = fmt.Sprint(*r.Score)
		}
		row := []string{r.RatingID, r.Kind, score, stringOf(r.AgentID), r.AskedAt.Format("05"), r.AnsweredAt.Format("05"), stringOf(r.MessageID)}
		rows = append(rows, strings.Join(row, " "))
	}
	want := []string{
		"csat csat 4 one 20 00 a", "nps nps 9 one 20 00 ", "survey:7:0:2 ces 2 one 20 00 ", "survey:7:0 Satisfaction - one 20 00 ",
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("ratings (-want +got):\n%s", diff)
	}
	whole := got.Ratings[3].Answers
	if len(whole) != 6 || *whole[4].Question != "isValidAnswer" || *whole[4].Answer != "false" {
		t.Errorf("answers %+v", whole)
	}
}

// If the survey's dialog was not read, the end of the whole conversation tells when the survey was answered.
func TestAnsweredWithoutDialogs(t *testing.T) {
	const survey = `{"surveyId":"7","dialogId":"S","surveyData":[{"answer":"9","questionType":"NPS"}]}`
	for surveys, want := range map[string]int64{survey: 1790846900000, survey + "," + survey: 0} {
		got := thread(t, `{"info":{"conversationEndTimeL":1790846500000,"endTimeL":1790846900000},"conversationSurveys":[`+surveys+`]}`).Ratings
		if len(got) == 0 || got[0].Kind != "nps" || *got[0].Score != 9 {
			t.Fatalf("ratings %+v", got)
		}
		if at := got[0].AnsweredAt; (at == nil) != (want == 0) || at != nil && at.UnixMilli() != want {
			t.Errorf("answered at %v, want %d", at, want)
		}
	}
}

// Without a survey, the score belongs to the agent at the end of the conversation, or to nobody if that is unknown.
func TestRatedWithoutSurvey(t *testing.T) {
	base := strings.Replace(rated, "%s", `,"csatRate":4`, 1)
	base = base[:strings.Index(base, `"dialogs"`)]
	for body, want := range map[string]string{
		`{` + strings.TrimSpace(base) + `"x":1}`:         "one",
		`{"info":{"latestAgentId":"late","csatRate":4}}`: "",
		`{"info":{"latestAgentId":"late","csatRate":4},"interactions":[{"assignedAgentId":"one","interactionTimeL":1790846200000}]}`:                                    "one",
		`{"info":{"latestAgentId":"late","csatRate":4},"transfers":[{"assignedAgentId":"one","timeL":1790846200000},{"assignedAgentId":"late","timeL":1790846300000}]}`: "",
	} {
		got := thread(t, body).Ratings
		if len(got) != 1 || stringOf(got[0].AgentID) != want {
			t.Errorf("%s: %+v, want agent %q", body, got, want)
		}
	}
}
