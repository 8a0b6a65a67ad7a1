package liveperson

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

func thread(t testing.TB, body string) schemas.Thread {
	t.Helper()
	got, err := mapThread([]schemas.Document{doc(kindRecord, "C", body)})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestDocumentsThatAreNoThread(t *testing.T) {
	for name, docs := range map[string][]schemas.Document{
		"none":           nil,
		"no record":      {doc("other", "C", `{}`)},
		"not JSON":       {doc(kindRecord, "C", `{`)},
		"two values":     {doc(kindRecord, "C", `{} {}`)},
		"an array":       {doc(kindRecord, "C", `[]`)},
		"content":        {doc(kindMetadata, "C", `{}`), doc(kindContent, "C", `body-marker`)},
		"content alone":  {doc(kindContent, "C", `{}`)},
		"metadata alone": {doc(kindMetadata, "C", `7`)},
	} {
		_, err := pure().Thread(docs)
		wantError(t, name, err, providers.Malformed, nil)
	}
}

// The record that was observed last is used.
func TestLatestRecord(t *testing.T) {
	old, young := doc(kindRecord, "C", `{"info":{"status":"OPEN"}}`), doc(kindRecord, "C", `{"info":{"status":"CLOSE"}}`)
	young.ObservedAt = old.ObservedAt.Add(time.Second)
	for _, docs := range [][]schemas.Document{{old, young}, {young, old}} {
		if got, err := mapThread(docs); err != nil || *got.Conversation.Status != "CLOSE" {
			t.Errorf("the conversation is %v, %v", got.Conversation, err)
		}
	}
}

func TestTimes(t *testing.T) {
	at := func(text string) string {
		v, err := decode([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		m := object{"time": v}.moment("time")
		if m == nil {
			return ""
		}
		return m.Format(time.RFC3339Nano)
	}
	for text, want := range map[string]string{
		`1790846102120`:                  "2026-10-01T09:15:02.12Z",
		`"1790846102120"`:                "2026-10-01T09:15:02.12Z",
		`1.79084610212e12`:               "2026-10-01T09:15:02.12Z",
		`"2026-10-01 09:15:02.120+0000"`: "2026-10-01T09:15:02.12Z",
		`"2026-10-01 11:15:02.120+0200"`: "2026-10-01T09:15:02.12Z",
		`"2026-10-01T09:15:02Z"`:         "2026-10-01T09:15:02Z",
		`-1`:                             "", `"-1"`: "", `0`: "", `"undefined"`: "", `null`: "", `true`: "", `{}`: "", `""`: "",
		`9223372036854775807`: "", `-9223372036854775808`: "", `1e400`: "", `99999999999999999999`: "", `"NaN"`: "",
	} {
		if got := at(text); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
	both := object{"endTime": "2026-10-01 09:15:02.120+0000", "endTimeL": json.Number("1790846133000")}
	if got := both.moment("endTime"); got.UnixMilli() != 1790846133000 || len(both) != 0 {
		t.Errorf("of two times that differ %s was taken", got)
	}
}

// The platform's words for a missing value become null, except in texts that people wrote and where -1 is a value.
func TestNothing(t *testing.T) {
	got := thread(t, `{"info":{"latestAgentId":"null","latestSkillId":-1,"latestSkillName":"Unassigned","device":"NA","closeReason":"undefined","alertedMCS":-1,"source":""},
		"messageRecords":[{"messageId":"m","messageData":{"msg":{"text":"undefined"}},"participantId":"undefined","sentBy":"Agent"}]}`)
	c := got.Conversation
	if c.AssigneeID != nil || c.GroupID != nil || c.ChannelType != nil || len(c.Attributes) != 1 || *c.Attributes["alertedMCS"] != "-1" {
		t.Errorf("the conversation is %+v", c)
	}
	if m := got.Messages[0]; *m.Text != "undefined" || m.AuthorID != nil || *m.AuthorType != typeAgent {
		t.Errorf("the message is %+v", m)
	}
}

// Nothing that is sent is lost: every field without a column is in an attribute.
func TestUnknownFieldsSurvive(t *testing.T) {
	got := thread(t, `{"info":{"new1":"v1"},"campaign":{"new2":"v2"},"monitoring":{"new3":"v3"},"summary":{"new4":"v4"},"responseTime":{"new5":"v5"},
		"messageRecords":[{"messageId":"m","new6":"v6","messageData":{"new7":{"k":"v7"},"file":{"new8":"v8"},"msg":{"text":"t","new9":"v9"}}}],
		"transfers":[{"new10":"v10"}],"skillChanges":[{"new11":"v11"}],"dialogs":[{"new12":"v12"}],"newList":[{"new13":"v13"}],"newObject":{"new14":"v14"},
		"agentParticipants":[{"agentId":"1","new15":"v15"}],"sdes":{"events":[{"new16":"v16"}],"new17":"v17"},"conversationSurveys":[{"new18":"v18"}],
		"latestAgentSurvey":{"new19":"v19"},"intents":[{"new20":"v20"}],"uniqueIntents":[{"new21":"v21"}],"coBrowseSessions":{"new22":"v22"}}`)
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 22; n++ {
		if !strings.Contains(string(text), fmt.Sprintf(`"v%d`, n)) && !strings.Contains(string(text), fmt.Sprintf(`\"v%d\"`, n)) {
			t.Errorf("v%d is lost", n)
		}
	}
}

func TestOrderOfMessages(t *testing.T) {
	got := thread(t, `{"messageRecords":[
		{"messageId":"d","timeL":30,"seq":0},{"messageId":"c","timeL":20,"seq":"10"},{"messageId":"b","timeL":20,"seq":9},
		{"messageId":"a","timeL":"10","seq":50},{"messageId":"c","timeL":20,"seq":10,"type":"again"}]}`)
	var order []string
	for _, m := range got.Messages {
		order = append(order, m.MessageID)
	}
	if !slices.Equal(order, []string{"a", "b", "c", "d"}) || *got.Messages[2].ContentType != "again" {
		t.Errorf("the order is %v", order)
	}
}

// Numbers may restart in each dialog, and the older form of ids does not name it.
func TestSameIDInTwoDialogs(t *testing.T) {
	got := thread(t, `{"messageRecords":[
		{"messageId":"ms::conv:C::msg:0","dialogId":"D1","timeL":1},{"messageId":"ms::conv:C::msg:0","dialogId":"D2","timeL":2},
		{"messageId":"ms::conv:C::msg:0","dialogId":"D2","timeL":3}]}`)
	if len(got.Messages) != 2 || got.Messages[0].MessageID != "ms::conv:C::msg:0" || got.Messages[1].MessageID != "ms::conv:C::msg:0@D2" {
		t.Errorf("the messages are %+v", got.Messages)
	}
}

func TestStays(t *testing.T) {
	one := func(joined, left, active string) (schemas.Participant, bool) {
		list := func(times string) string {
			var all []string
			for _, at := range words(times) {
				all = append(all, `{"agentId":"1","permission":"ASSIGNED_AGENT","timeL":`+at+`}`)
			}
			return "[" + strings.Join(all, ",") + "]"
		}
		got := thread(t, `{"agentParticipants":`+list(joined)+`,"agentParticipantsLeave":`+list(left)+`,"agentParticipantsActive":`+list(active)+`}`)
		return got.Participants[0], len(got.Participants) == 1
	}
	for _, tt := range []struct {
		joined, left, active string
		wantJoined, wantLeft int64
	}{
		{"10", "", "", 10, 0}, {"10", "20", "", 10, 20}, {"10,30", "20", "", 10, 0}, {"30,10", "40,20", "", 10, 40},
		{"10", "20", "10", 10, 0}, {"", "20", "", 0, 20},
	} {
		p, alone := one(tt.joined, tt.left, tt.active)
		millis := func(at *time.Time) int64 {
			if at == nil {
				return 0
			}
			return at.UnixMilli()
		}
		if !alone || p.Role != "assignee" || millis(p.JoinedAt) != tt.wantJoined || millis(p.LeftAt) != tt.wantLeft {
			t.Errorf("%+v: joined %v, left %v", tt, p.JoinedAt, p.LeftAt)
		}
	}
}

// Reading the same conversation again gives the same digest, whatever the order of the platform's lists.
func TestDigestHoldsOrder(t *testing.T) {
	body := providertest.Sample(t, "fields_record.json")
	first, err := mapThread([]schemas.Document{doc(kindRecord, "C-1", string(body))})
	if err != nil {
		t.Fatal(err)
	}
	o, err := decodeObject(body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"messageRecords", "agentParticipants", "messageStatuses", "dialogs"} {
		slices.Reverse(o[name].([]any))
	}
	last := o["messageRecords"].([]any)[0].(map[string]any)
	last["messageId"] = "C-1/#7" // a message without an id is named by its position
	turned, err := mapThread([]schemas.Document{doc(kindRecord, "C-1", compact(map[string]any(o)))})
	if err != nil {
		t.Fatal(err)
	}
	x, err1 := first.Digest()
	y, err2 := turned.Digest()
	if err := errors.Join(err1, err2); err != nil || x != y {
		t.Errorf("digests %s and %s, %v", x, y, err)
	}
}
