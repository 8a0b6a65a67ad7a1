package giosg

import (
	"flag"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

var update = flag.Bool("update", false, "write the golden files anew")

var seenAt = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const (
	testToken = "tok-marker-5f2d"
	testOrg   = "7f9e9580-095b-42c7-838c-c04e667b26f7"
)

func testAccount(t testing.TB, base string, changes ...func(*providers.Account)) *account {
	t.Helper()
	return providertest.Open[*account](t, Definition, providers.Account{BaseURL: base, AccountID: testOrg, Token: testToken}, changes...)
}

// pure is a mapper without keys, withKey one with keys.
func pure() mapping { return mapping{} }

func withKey(t testing.TB, pem string) mapping {
	t.Helper()
	m, err := Definition.Mapper(providers.Settings{Secrets: map[string]string{secretKeys: pem}})
	if err != nil {
		t.Fatal(err)
	}
	return m.(mapping)
}

func withOptions(pairs ...string) func(*providers.Account) {
	return func(p *providers.Account) {
		p.Options = map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			p.Options[pairs[i]] = pairs[i+1]
		}
	}
}

func sampleDoc(t testing.TB, kind, file string) schemas.Document {
	return doc(kind, string(providertest.Sample(t, file)))
}

func doc(kind, body string) schemas.Document {
	return schemas.Document{Kind: kind, ConversationID: "e1549f4d-d2a6-4efb-b64c-e977b0a5ba96", Status: 200, ObservedAt: seenAt, Body: []byte(body)}
}

// golden compares rows with testdata/golden/<name>.json.
func golden(t *testing.T, name string, rows any) {
	t.Helper()
	providertest.Golden(t, name, rows, *update)
}

// page is a collection with one page.
func page(rows string) string { return `{"next":null,"previous":null,"results":[` + rows + `]}` }

func TestThreadOfSamples(t *testing.T) {
	tests := []struct {
		name string
		docs []schemas.Document
	}{
		{"thread", []schemas.Document{
			sampleDoc(t, kindChat, "chat.json"),
			sampleDoc(t, kindMessages, "messages_plain.json"),
			sampleDoc(t, kindMemberships, "memberships.json"),
			sampleDoc(t, kindTags, "tags.json"),
			sampleDoc(t, kindVariables, "visitor_variables.json"),
		}},
		{"thread_buttons", []schemas.Document{
			sampleDoc(t, kindChat, "chat.json"),
			doc(kindMessages, page(string(providertest.Sample(t, "message_with_buttons.json")))),
		}},
		{"thread_gone", []schemas.Document{
			sampleDoc(t, kindChat, "chat.json"),
			{Kind: kindMessages, ConversationID: "e1549f4d-d2a6-4efb-b64c-e977b0a5ba96", Status: 404, ObservedAt: seenAt},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			thread, err := pure().Thread(tt.docs)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name, thread)
		})
	}
}

// The sample pages of the list become threads as well; their links are followed on their own host only.
func TestListedSamples(t *testing.T) {
	a := testAccount(t, "https://service.giosg.com")
	for _, name := range []string{"owned_chats_page1", "owned_chats_page2_last"} {
		rows, next, err := envelope(providertest.Sample(t, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if next != "" {
			link, err := a.pin(a.own(a.lists[0].path), next)
			if want := "/api/v5/orgs/" + testOrg + "/owned_chats?cursor=cD0yMDIzLTA2LTE0&ordering=-created_at&has_visitor_messages=true"; err != nil || link != want {
				t.Errorf("the next page is at %q, %v", link, err)
			}
		}
		threads := []schemas.Thread{}
		for _, row := range rows {
			d := doc(kindChat, string(row))
			d.ConversationID = wire.Word(fields(row)["id"])
			thread, err := pure().Thread([]schemas.Document{d})
			if err != nil {
				t.Fatal(err)
			}
			threads = append(threads, thread)
		}
		golden(t, "list_"+name, threads)
	}
}

// A body that is not a collection is refused, without a panic.
func TestEnvelopeOfSamples(t *testing.T) {
	tests := []struct {
		file string
		rows int
		ok   bool
	}{
		{"tags.json", 1, true},
		{"memberships.json", 2, true},
		{"org_chats_legacy_2015_doc.json", 0, true},
		{"error_404.json", 0, false},
		{"chat.json", 0, false},
	}
	for _, tt := range tests {
		rows, _, err := envelope(providertest.Sample(t, tt.file))
		if len(rows) != tt.rows || (err == nil) != tt.ok {
			t.Errorf("envelope(%s) = %d rows, error %v; want %d rows, ok %v", tt.file, len(rows), err, tt.rows, tt.ok)
		}
	}
}
