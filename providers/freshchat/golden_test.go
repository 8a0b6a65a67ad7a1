package freshchat

import (
	"flag"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var seenAt = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const testToken = "tok-marker-5f2d"

func testAccount(t testing.TB, base string, changes ...func(*providers.Account)) *account {
	t.Helper()
	return providertest.Open[*account](t, Definition, providers.Account{BaseURL: base, Token: testToken}, changes...)
}

func doc(kind, body string) schemas.Document {
	return schemas.Document{Kind: kind, ConversationID: "c1", Status: 200, ObservedAt: seenAt, Body: []byte(body)}
}

func sampleDoc(t testing.TB, kind, file string) schemas.Document {
	d := doc(kind, string(providertest.Sample(t, file)))
	d.ConversationID = "7e673110-64fc-461f-bcec-cc8e9a47a568"
	return d
}

// transcriptDoc is the sample of a transcript, as the list stores it.
func transcriptDoc(t testing.TB) schemas.Document {
	d := sampleDoc(t, kindTranscript, "chat_transcript_rows.json")
	d.Body = []byte(`{"from":"2025-07-10T00:00:00Z","to":"2025-07-11T00:00:00Z","rows":` + string(d.Body) + `}`)
	return d
}

// golden compares rows with testdata/golden/<name>.json.
func golden(t *testing.T, name string, rows any) {
	t.Helper()
	providertest.Golden(t, name, rows, *update)
}
