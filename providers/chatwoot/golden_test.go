package chatwoot

import (
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var seenAt = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func testAccount(t testing.TB, base string, changes ...func(*providers.Account)) *account {
	t.Helper()
	return providertest.Open[*account](t, Definition, providers.Account{BaseURL: base, AccountID: "1", Token: testToken}, changes...)
}

const testToken = "tok-marker-5f2d"

func sampleDoc(t testing.TB, kind, id, file string) schemas.Document {
	return schemas.Document{Kind: kind, ConversationID: id, Status: 200, ObservedAt: seenAt, Body: providertest.Sample(t, file)}
}

// golden compares rows with testdata/golden/<name>.json.
func golden(t *testing.T, name string, rows any) {
	t.Helper()
	providertest.Golden(t, name, rows, *update)
}

func TestThreadOfSamples(t *testing.T) {
	tests := []struct {
		name string
		docs []schemas.Document
	}{
		{"thread_v4_14", []schemas.Document{
			sampleDoc(t, kindConversation, "42", "conversation_show_v3_16.json"),
			sampleDoc(t, kindMessages, "42", "messages_latest.json"),
			sampleDoc(t, kindDetails, "42", "conversation_show_v4_14.json"),
			sampleDoc(t, kindParticipants, "42", "participants.json"),
			sampleDoc(t, kindReporting, "42", "reporting_events_conversation.json"),
		}},
		{"thread_v3_16", []schemas.Document{
			sampleDoc(t, kindConversation, "42", "conversation_show_v3_16.json"),
			sampleDoc(t, kindMessages, "42", "messages_after_10005.json"),
		}},
		{"thread_seed", []schemas.Document{
			sampleDoc(t, kindConversation, "0", "conversation_show_seed.json"),
			sampleDoc(t, kindMessages, "0", "messages_after_last_empty.json"),
		}},
		{"thread_windows", []schemas.Document{
			sampleDoc(t, kindConversation, "42", "conversation_show_v4_14.json"),
			sampleDoc(t, kindMessages, "42", "messages_after_10005.json"),
			sampleDoc(t, kindMessages, "42", "messages_latest.json"),
			sampleDoc(t, kindReporting, "42", "reporting_events_account.json"),
		}},
		{"thread_gone", []schemas.Document{
			sampleDoc(t, kindConversation, "42", "conversation_show_v4_14.json"),
			{Kind: kindMessages, ConversationID: "42", Status: 404, ObservedAt: seenAt},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			thread, err := mapper().Thread(tt.docs)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name, thread)
		})
	}
}

// Conversations listed by other endpoints, in their envelopes, become threads too.
func TestThreadOfListedSamples(t *testing.T) {
	for _, name := range []string{"conversations_filter_response", "contact_conversations", "conversations_list_empty"} {
		t.Run(name, func(t *testing.T) {
			rows, _, err := envelope(providertest.Sample(t, name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			threads := []schemas.Thread{}
			for _, row := range rows {
				id := wire.Word(wire.Fields(row)["id"])
				thread, err := mapper().Thread([]schemas.Document{{Kind: kindConversation, ConversationID: id, Status: 200, ObservedAt: seenAt, Body: row}})
				if err != nil {
					t.Fatal(err)
				}
				threads = append(threads, thread)
			}
			golden(t, "list_"+name, threads)
		})
	}
}

func TestSnapshotOfSamples(t *testing.T) {
	tests := []struct{ kind, file string }{
		{kindAgents, "agents.json"},
		{kindAgents, "participants.json"},
		{kindContacts, "contacts_list.json"},
		{kindContacts, "contacts_search.json"},
		{kindInboxes, "inboxes.json"},
		{kindTeams, "teams.json"},
		{kindLabels, "labels_account.json"},
		{kindFields, "custom_attribute_definitions.json"},
		{kindSurveys, "csat_survey_responses.json"},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			s, err := mapper().Snapshot(sampleDoc(t, tt.kind, "", tt.file))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "snapshot_"+strings.TrimSuffix(tt.file, ".json"), s)
		})
	}
}

// A body without a list of rows is an error or empty, never a panic.
func TestEnvelopeOfSamples(t *testing.T) {
	tests := []struct {
		file string
		rows int
		ok   bool
	}{
		{"attachments.json", 1, true},
		{"conversation_labels.json", 1, true},
		{"reporting_events_account.json", 2, true},
		{"conversations_meta.json", 0, false},
		{"csat_metrics.json", 0, false},
		{"contact_show.json", 0, false},
		{"error_404.json", 0, false},
		{"error_429.txt", 0, false},
	}
	for _, tt := range tests {
		rows, _, err := envelope(providertest.Sample(t, tt.file))
		if len(rows) != tt.rows || (err == nil) != tt.ok {
			t.Errorf("envelope(%s) = %d rows, error %v; want %d rows, ok %v", tt.file, len(rows), err, tt.rows, tt.ok)
		}
	}
}

func TestReasonsOfSamples(t *testing.T) {
	tests := map[string]error{
		"error_401_account_suspended.json": errSuspended,
		"error_401_bot.json":               errBot,
		"error_401_invalid_token.json":     errToken,
		"error_401_missing_token.json":     errNoToken,
		"error_401_not_permitted.json":     errPolicy,
		"error_401_other_account.json":     errNotMember,
		"error_404.json":                   errRefused,
		"error_422_record_invalid.json":    errRefused,
		"error_429.txt":                    errRefused,
	}
	for file, want := range tests {
		if got := reason(providertest.Sample(t, file)); got != want {
			t.Errorf("reason(%s) = %v, want %v", file, got, want)
		}
	}
}
