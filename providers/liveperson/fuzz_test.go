package liveperson

import (
	"slices"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

func samples(f *testing.F) []string {
	f.Helper()
	bodies := providertest.Samples(f)
	for _, body := range slices.Clone(bodies) {
		if e, err := readEnvelope([]byte(body)); err == nil {
			for _, record := range e.records {
				bodies = append(bodies, string(record))
			}
		}
	}
	return bodies
}

// FuzzThread maps arbitrary bodies: rows or a Malformed error, the same twice, and never a panic.
func FuzzThread(f *testing.F) {
	for _, body := range samples(f) {
		f.Add(body, body)
	}
	f.Add(`{"info":{"startTimeL":1e999}}`, `{"messageEventRecords":[{"event":{"XEvent":{}}},{"event":{"sequenceList":["a",{}]}}]}`)
	f.Add(`{"sdes":{"events":[{"sdeType":[]}]},"coBrowseSessions":[{"sessionId":1}]}`, `{}`)
	f.Fuzz(func(t *testing.T, record, content string) {
		for _, docs := range [][]schemas.Document{
			{doc(kindRecord, "C", record)},
			{doc(kindMetadata, "C", record), doc(kindContent, "C", content)},
		} {
			thread, ok := providertest.AnyThread(t, pure(), docs)
			if !ok {
				continue
			}
			ids := map[string]bool{}
			for i, m := range thread.Messages {
				if ids[m.MessageID] {
					t.Errorf("message %d has the id %q of another", i, m.MessageID)
				}
				ids[m.MessageID] = true
			}
			events := map[string]bool{}
			for _, e := range thread.Events {
				if events[e.EventID] {
					t.Errorf("the event %q is there twice", e.EventID)
				}
				events[e.EventID] = true
			}
		}
	})
}

// FuzzEnvelope reads arbitrary responses of a search.
func FuzzEnvelope(f *testing.F) {
	for _, body := range samples(f) {
		f.Add(body)
	}
	f.Fuzz(func(_ *testing.T, body string) {
		e, err := readEnvelope([]byte(body))
		if err != nil {
			return
		}
		for _, raw := range e.records {
			_, _ = readRow(raw)
			_, _, _ = headOf(raw)
		}
	})
}

// FuzzCursor reads arbitrary cursors: each is refused or could have been issued.
func FuzzCursor(f *testing.F) {
	for _, at := range []string{"w0.99.1772323200", "t1.200.0", "w-1.0.0", "w0.01.0", "w0", "w", "users", "w9.0.0", "w0.-1.0"} {
		f.Add(at)
	}
	f.Fuzz(func(t *testing.T, at string) {
		if p, err := parsePlace(providers.Cursor(at), 3); err == nil && at != "" && p.cursor() != providers.Cursor(at) {
			t.Errorf("the cursor %q was taken", at)
		}
		if i, err := parsePart(providers.Cursor(at)); err == nil && (i < 0 || i >= len(parts)) {
			t.Errorf("the cursor %q was taken", at)
		}
	})
}

// FuzzSnapshot maps arbitrary bodies of the directory.
func FuzzSnapshot(f *testing.F) {
	for _, body := range samples(f) {
		f.Add(0, body)
	}
	f.Add(1, `[{"id":-1,"name":"Main"}]`)
	f.Fuzz(func(t *testing.T, kind int, body string) {
		d := doc(parts[uint(kind)%uint(len(parts))], "", body)
		_, err := providertest.AnySnapshot(t, pure(), d)
		if _, bad := directoryRows([]byte(body)); (bad == nil) != (err == nil) {
			t.Errorf("error %v", err)
		}
	})
}

// FuzzHost reads arbitrary responses of the domain service: a bare host or an error.
func FuzzHost(f *testing.F) {
	for _, body := range samples(f) {
		f.Add(body)
	}
	f.Add(`{"baseURI":"a b"}`)
	f.Fuzz(func(t *testing.T, body string) {
		name, err := hostOf([]byte(body), serviceHistory)
		if err == nil && (name == "" || strings.ContainsAny(name, "/@?# ")) {
			t.Errorf("the host %q was taken", name)
		}
	})
}

func BenchmarkThread(b *testing.B) {
	e, err := readEnvelope(providertest.Sample(b, "conversations_search_page1.json"))
	if err != nil {
		b.Fatal(err)
	}
	docs := []schemas.Document{doc(kindRecord, "C", string(e.records[0]))}
	b.SetBytes(int64(len(docs[0].Body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mapThread(docs); err != nil {
			b.Fatal(err)
		}
	}
}
