package chatwoot

import (
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

// FuzzThread maps any bodies. The result is rows or a Malformed error, the same each time, and never a panic.
func FuzzThread(f *testing.F) {
	for _, body := range providertest.Samples(f) {
		f.Add(body, body, body)
	}
	f.Add(`{"id":1}`, `[{"id":1,"created_at":1e999999999}]`, `[{}]`)
	f.Fuzz(func(t *testing.T, conversation, messages, people string) {
		docs := []schemas.Document{
			doc(kindConversation, conversation), doc(kindMessages, messages), doc(kindParticipants, people), doc(kindReporting, people),
		}
		providertest.AnyThread(t, mapper(), docs)
	})
}

// FuzzCursor parses any cursor. It accepts only cursors that the provider makes itself.
func FuzzCursor(f *testing.F) {
	for _, at := range []string{"p1.25", "p37.0", "p0.25", "p1", "p-1.3", "p01.5", "agents:1", "contacts:99", "labels:2"} {
		f.Add(at)
	}
	f.Fuzz(func(t *testing.T, at string) {
		if number, length, err := parseCursor(providers.Cursor(at)); err == nil && cursor(number, length) != providers.Cursor(at) {
			t.Errorf("the cursor %q is accepted", at)
		}
		if index, step, err := parseStep(providers.Cursor(at)); err == nil && (index < 0 || index >= len(parts) || step < 1) {
			t.Errorf("the cursor %q is accepted", at)
		}
	})
}

// FuzzSnapshot maps any body of the directory.
func FuzzSnapshot(f *testing.F) {
	for _, body := range providertest.Samples(f) {
		for i := range parts {
			f.Add(i, body)
		}
	}
	f.Fuzz(func(t *testing.T, kind int, body string) {
		d := doc(parts[uint(kind)%uint(len(parts))].kind, body)
		_, err := providertest.AnySnapshot(t, mapper(), d)
		if rows, _, bad := envelope([]byte(body)); (bad == nil) != (err == nil) {
			t.Errorf("%d rows, error %v", len(rows), err)
		}
	})
}

func BenchmarkThread(b *testing.B) {
	docs := []schemas.Document{
		sampleDoc(b, kindConversation, "42", "conversation_show_v3_16.json"),
		sampleDoc(b, kindDetails, "42", "conversation_show_v4_14.json"),
		sampleDoc(b, kindMessages, "42", "messages_latest.json"),
		sampleDoc(b, kindParticipants, "42", "participants.json"),
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
