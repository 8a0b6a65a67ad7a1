package freshchat

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

// FuzzThread maps any bodies. The result is rows or a Malformed error, the same each time, and never a panic.
func FuzzThread(f *testing.F) {
	for _, body := range providertest.Samples(f) {
		f.Add(body, body, body)
	}
	f.Add(`{"conversation_id":"c"}`, `{"messages":[{"id":"m"},{"actor_id":"a"}]}`, `[{"message_id":"m"},{"actor_id":"a"},{"actor_id":"a"}]`)
	f.Fuzz(func(t *testing.T, conversation, messages, rows string) {
		docs := []schemas.Document{
			doc(kindConversation, conversation), doc(kindCreated, rows), doc(kindMessages, messages),
			doc(kindTranscript, `{"from":"2025-01-01T00:00:00Z","to":"2025-08-01T00:00:00Z","rows":`+rows+`}`), doc(kindUser, conversation),
		}
		for _, some := range [][]schemas.Document{docs, {docs[0], docs[2]}, {docs[2]}, {docs[3]}} {
			checkThread(t, some)
		}
	})
}

func checkThread(t *testing.T, docs []schemas.Document) {
	t.Helper()
	thread, _ := providertest.AnyThread(t, mapper(), docs)
	seen := map[string]bool{}
	for i, m := range thread.Messages {
		if seen[m.MessageID] {
			t.Errorf("message %d has the id %q of another", i, m.MessageID)
		}
		seen[m.MessageID] = true
		for _, p := range m.Parts {
			if p.Type == "" || p.Payload != nil && strings.HasPrefix(*p.Payload, "{") && !json.Valid([]byte(*p.Payload)) {
				t.Errorf("message %d has a part %q with the payload %q", i, p.Type, *p.Payload)
			}
		}
	}
}

// FuzzSnapshot maps any body of the directory and of reports, and parses it as a list, a report's state and an order's answer.
func FuzzSnapshot(f *testing.F) {
	for _, body := range providertest.Samples(f) {
		for i := range parts {
			f.Add(i, body)
		}
	}
	f.Fuzz(func(t *testing.T, kind int, body string) {
		d := doc(parts[uint(kind)%uint(len(parts))].kind, body)
		if s, err := providertest.AnySnapshot(t, mapper(), d); err != nil && !reflect.DeepEqual(s, schemas.Snapshot{}) {
			t.Error("rows in spite of an error")
		}
		d.Kind = kindReport + knownReports[uint(kind)%uint(len(knownReports))]
		rows, err := mapper().Report(d)
		twice, _ := mapper().Report(d)
		if !reflect.DeepEqual(rows, twice) {
			t.Error("the same report gives different rows")
		}
		ids := map[string]bool{}
		for _, e := range rows.Events {
			if ids[e.EventID] || err != nil {
				t.Errorf("the event %s occurs twice, or in spite of the error %v", e.EventID, err)
			}
			ids[e.EventID] = true
		}
		hasMore([]byte(body), 3, 1, 50)
		if links, err := readState([]byte(body)); err == nil && slices.Contains(links, "") {
			t.Error("a link is empty")
		}
		if id, err := orderID("order", []byte(body)); err == nil && (id == "" || len(id) > 64) {
			t.Errorf("the id is %q", id)
		}
		readHint(body)
	})
}

func BenchmarkThread(b *testing.B) {
	docs := []schemas.Document{
		sampleDoc(b, kindConversation, "conversation_full.json"), transcriptDoc(b), sampleDoc(b, kindUser, "user.json"),
		sampleDoc(b, kindMessages, "messages_page1.json"), sampleDoc(b, kindMessages, "messages_page2_last.json"),
	}
	size := 0
	for _, d := range docs {
		size += len(d.Body)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mapper().Thread(docs); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadTable reads an uncompressed transcript.
func BenchmarkReadTable(b *testing.B) {
	body := providertest.Sample(b, "Chat-Transcript.csv")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	var row []byte
	for b.Loop() {
		err := readBytes(body, maxUnpackedBytes, func(r record) error { row = r.json(row[:0]); return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
}

func TestReadState(t *testing.T) {
	tests := []struct {
		file  string
		links int
		err   string
	}{
		{"report_get_completed.json", 1, ""},
		{"report_get_failed.json", 0, errFailed.Error()},
		{"report_get_pending.json", 0, "making"},
	}
	for _, tt := range tests {
		links, err := readState(providertest.Sample(t, tt.file))
		if len(links) != tt.links || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %d links, %v", tt.file, len(links), err)
		}
	}
	for _, body := range []string{
		`{"status":"QUEUED"}`, `{"status":""}`, `{}`, `[]`, `x`, `{"status":"COMPLETED","links":[{"status":"FAILED"}]}`,
		`{"status":"COMPLETED","links":[{"status":"PENDING"}]}`, `{"status":"COMPLETED","links":[{"link":{}}]}`,
	} {
		if links, err := readState([]byte(body)); err == nil {
			t.Errorf("%s gave %d links", body, len(links))
		}
	}
	links, err := readState([]byte(`{"status":"completed","links":[{"link":{"href":"https://a.example/1"}},{"href":"https://a.example/2"}]}`))
	if err != nil || len(links) != 2 {
		t.Errorf("%v, %v", links, err)
	}
	if links, err := readState([]byte(`{"status":"COMPLETED"}`)); err != nil || len(links) != 0 {
		t.Errorf("a report without files: %v, %v", links, err)
	}
	for body, want := range map[string]string{
		string(providertest.Sample(t, "report_post_response_202.json")): "10946812-e675-4d4f-a42f-dbcb58c12727",
		`{"Id":"a"}`: "a",
		`{"link":{"rel":"extracts","Href":"/reports/raw/b"}}`: "b",
	} {
		if id, err := orderID("order", []byte(body)); err != nil || id != want {
			t.Errorf("%s: %q, %v", body, id, err)
		}
	}
}
