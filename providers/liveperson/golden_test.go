package liveperson

import (
	"flag"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

var update = flag.Bool("update", false, "write the golden files anew")

var seenAt = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const testToken = "tok-marker-5f2d"

func testAccount(t testing.TB, base string, changes ...func(*providers.Account)) *account {
	t.Helper()
	return providertest.Open[*account](t, Definition, providers.Account{BaseURL: base, AccountID: "12345678", Token: testToken}, changes...)
}

func pure() mapping { return mapping{} }

func with(options map[string]string) func(*providers.Account) {
	return func(a *providers.Account) { a.Options = options }
}

func doc(kind, id, body string) schemas.Document {
	return schemas.Document{Kind: kind, ConversationID: id, Status: 200, ObservedAt: seenAt, Body: []byte(body)}
}

// golden compares rows with testdata/golden/<name>.json.
func golden(t *testing.T, name string, rows any) {
	t.Helper()
	providertest.Golden(t, name, rows, *update)
}

// TestThreadsOfSamples maps every record of every sample.
func TestThreadsOfSamples(t *testing.T) {
	for name, kind := range map[string]string{
		"conversations_search_page1":             kindRecord,
		"conversations_search_page2_last":        kindRecord,
		"conversations_search_partial_shards":    kindRecord,
		"conversation_by_id_response":            kindRecord,
		"consumer_metadata_search_page1":         kindMetadata,
		"consumer_metadata_search_page2_last":    kindMetadata,
		"consumer_metadata_search_response_seed": kindMetadata,
	} {
		t.Run(name, func(t *testing.T) {
			e, err := readEnvelope(providertest.Sample(t, name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var threads []schemas.Thread
			for _, raw := range e.records {
				r, err := readRow(raw)
				if err != nil {
					t.Fatal(err)
				}
				thread, err := mapThread([]schemas.Document{doc(kind, r.id, string(raw))})
				if err != nil {
					t.Fatal(err)
				}
				threads = append(threads, thread)
			}
			golden(t, name, threads)
		})
	}
}

// TestThreadOfFields maps what the samples lack, according to the documentation.
func TestThreadOfFields(t *testing.T) {
	for name, docs := range map[string][]schemas.Document{
		"fields_record":   {doc(kindRecord, "C-1", string(providertest.Sample(t, "fields_record.json")))},
		"fields_consumer": {doc(kindMetadata, "C-2", string(providertest.Sample(t, "fields_consumer_metadata.json"))), doc(kindContent, "C-2", string(providertest.Sample(t, "fields_consumer_content.json")))},
		"sdes_v2":         {doc(kindRecord, "C-3", string(providertest.Sample(t, "sdes_v2_fragment.json")))},
		"gone":            {{Kind: kindRecord, ConversationID: "C-4", Status: 404, ObservedAt: seenAt}},
		"gone_consumer":   {doc(kindMetadata, "C-5", `{"convId":"C-5"}`), {Kind: kindContent, ConversationID: "C-5", Status: 404, ObservedAt: seenAt}},
		"no_content":      {doc(kindMetadata, "C-6", `{"convId":"C-6","startTs":1}`), {Kind: kindContent, ConversationID: "C-6", Status: 204, ObservedAt: seenAt}},
		"empty_record":    {doc(kindRecord, "C-7", `{}`)},
		"odd_types":       {doc(kindRecord, "C-8", `{"info":[1],"messageRecords":{"messageId":7,"seq":"3","time":12},"dialogs":"x","sdes":[{"sdeType":"LEAD"}],"campaign":null,"messageStatuses":[1,null,{"messageId":7,"messageDeliveryStatus":"READ"}],"coBrowseSessions":{"coBrowseSessionsList":[],"more":true},"pageViews":[{"u":1}]}`)},
	} {
		t.Run(name, func(t *testing.T) {
			thread, err := mapThread(docs)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, thread)
		})
	}
}
