package liveperson

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/liveperson"
)

// shelf serves records by id.
type shelf struct {
	gone    []string
	partial map[string]int // how many more responses truncate the record
	padding int            // bytes of each record
	asked   []string       // ids in each request
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		IDs   []string `json:"conversationIds"`
		Kinds []string `json:"contentToRetrieve"`
	}
	_ = json.NewDecoder(r.Body).Decode(&body)
	s.asked = append(s.asked, strings.Join(body.IDs, " "))
	rows := []any{map[string]any{"info": map[string]any{"conversationId": "nobody asked"}}}
	for _, id := range body.IDs {
		if slices.Contains(s.gone, id) {
			continue
		}
		cut := s.partial[id] > 0
		s.partial[id]--
		rows = append(rows, map[string]any{"info": map[string]any{"conversationId": id, "isPartial": cut}, "kinds": len(body.Kinds), "padding": strings.Repeat("x", s.padding)})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"_metadata": map[string]any{"count": len(rows)}, "conversationHistoryRecords": rows})
}

func refsTo(n int) (refs []providers.Ref) {
	for i := range n {
		refs = append(refs, providers.Ref{ID: fmt.Sprint(i)})
	}
	return refs
}

func fetch(t testing.TB, a *account, refs []providers.Ref) (docs []schemas.Document) {
	t.Helper()
	for doc, err := range a.Messages(t.Context(), refs) {
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
	}
	return docs
}

func TestRecords(t *testing.T) {
	tests := []struct {
		name  string
		n     int
		shelf shelf
		asked int
		gone  []int
	}{
		{"a hundred", 100, shelf{}, 1, nil},
		{"a hundred and one", 101, shelf{}, 2, nil},
		{"one is gone", 5, shelf{gone: []string{"3"}}, 2, []int{3}},
		{"two are gone", 5, shelf{gone: []string{"1", "3"}}, 1 + 1 + 2, []int{1, 3}},
		{"all are gone", 2, shelf{gone: []string{"0", "1"}}, 1 + 2, []int{0, 1}},
		{"one alone is gone", 1, shelf{gone: []string{"0"}}, 2, []int{0}},
		{"two are cut", 5, shelf{partial: map[string]int{"2": 1, "4": 1}}, 1 + 2, nil},
		{"one stays cut", 5, shelf{partial: map[string]int{"2": 9}}, 1 + 1, nil},
		{"one alone is cut", 1, shelf{partial: map[string]int{"0": 9}}, 1, nil},
	}
	for i := range tests {
		tt := &tests[i]
		if tt.shelf.partial == nil {
			tt.shelf.partial = map[string]int{}
		}
		a := stub(t, tt.shelf.ServeHTTP)
		refs := refsTo(tt.n)
		docs := fetch(t, a, refs)
		var gone []int
		for i, doc := range docs {
			if doc.ConversationID != refs[i].ID || doc.Kind != kindRecord || doc.ObservedAt.IsZero() {
				t.Errorf("%s: document %d is of conversation %s", tt.name, i, doc.ConversationID)
			}
			if doc.Status == 404 {
				gone = append(gone, i)
			}
		}
		if len(docs) != tt.n || len(tt.shelf.asked) != tt.asked || !slices.Equal(gone, tt.gone) {
			t.Errorf("%s: %d documents after %d requests, gone %v", tt.name, len(docs), len(tt.shelf.asked), gone)
		}
	}
}

// A record is kept as sent, with everything requested by name, and decoded only when rows are made.
func TestRecordAsSent(t *testing.T) {
	s := &shelf{partial: map[string]int{}}
	doc := fetch(t, stub(t, s.ServeHTTP), refsTo(1))[0]
	var body map[string]any
	if err := json.Unmarshal(doc.Body, &body); err != nil || body["kinds"] != float64(len(standard)+len(optional)) {
		t.Errorf("the record is %s, %v", doc.Body, err)
	}
	a := stub(t, s.ServeHTTP, with(map[string]string{optionContent: "dialogs,campaign"}))
	if err := json.Unmarshal(fetch(t, a, refsTo(1))[0].Body, &body); err != nil || body["kinds"] != float64(len(standard)+1) {
		t.Errorf("with content dialogs,campaign %v kinds were asked for", body["kinds"])
	}
}

// Records that are too large together are fetched in smaller batches.
func TestLargeRecords(t *testing.T) {
	s := &shelf{partial: map[string]int{}, padding: 20 << 20}
	if docs := fetch(t, stub(t, s.ServeHTTP), refsTo(5)); len(docs) != 5 || docs[4].Status != 200 || len(s.asked) != 3 {
		t.Errorf("%d documents after %q", len(docs), s.asked)
	}
}

// A record that stays truncated shows: by an attribute, and by more messages stated than stored.
func TestRecordThatStaysCut(t *testing.T) {
	_, a, whole := site(t, simulator.CorpusConfig{Seed: 7, Conversations: 160}, fake.Options{CutAbove: 60, AlwaysCut: true})
	refs, docs := collect(t, a, whole)
	cut := 0
	for _, ref := range refs {
		thread, err := pure().Thread(docs[ref.ID])
		if err != nil {
			t.Fatal(err)
		}
		stated, partial := thread.Conversation.StatedMessages, thread.Conversation.Attributes["is_partial"]
		if (stated != nil) != (partial != nil) || stated != nil && *stated <= int64(len(thread.Messages)) {
			t.Errorf("conversation %s: partial %v, %d messages, stated %v", ref.ID, partial != nil, len(thread.Messages), stated)
		}
		if partial != nil {
			cut++
		}
	}
	if cut == 0 {
		t.Error("no record was cut")
	}
}

func TestDeletedConversation(t *testing.T) {
	for _, is404 := range []bool{true, false} {
		s, a, whole := site(t, simulator.CorpusConfig{Seed: 7, Conversations: 30}, fake.Options{UnknownIs404: is404})
		refs := list(t, a, whole)
		s.DeleteConversation(refs[4].ID)
		docs := fetch(t, a, refs)
		thread, err := pure().Thread(docs[4:5])
		want := schemas.Thread{Tombstones: []schemas.Tombstone{{ConversationID: refs[4].ID, Reason: providers.ReasonGone}}}
		if diff := cmp.Diff(want, thread, providertest.Rows); diff != "" || err != nil || len(docs) != 30 {
			t.Errorf("%d documents, %v, rows (-want +got):\n%s", len(docs), err, diff)
		}
	}
}

// An update changes the version of a conversation.
func TestUpdatedConversation(t *testing.T) {
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 7, Conversations: 30}, fake.Options{LastUpdateTime: true})
	refs := list(t, a, whole)
	version := func() int64 {
		thread, err := pure().Thread(fetch(t, a, refs[:1]))
		if err != nil {
			t.Fatal(err)
		}
		return *thread.Conversation.SourceVersion
	}
	before := version()
	s.UpdateConversation(refs[0].ID, func(c *simulator.Conversation) { c.State = simulator.Closed })
	if after := version(); after <= before {
		t.Errorf("the version went from %d to %d", before, after)
	}
}

// The values of SDEs are texts in version 1, and unauthenticated ones are not included.
func TestSDEVersions(t *testing.T) {
	kinds := func(version string) map[string]int {
		_, a, whole := site(t, simulator.CorpusConfig{Seed: 7, Conversations: 60}, fake.Options{}, with(map[string]string{optionSDEVersion: version}))
		refs, docs := collect(t, a, whole)
		n := map[string]int{}
		for _, ref := range refs {
			thread, err := pure().Thread(docs[ref.ID])
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range thread.Events {
				if strings.HasPrefix(e.Kind, "sde") && e.CreatedAt != nil {
					n[e.Kind]++
					if v := e.Attributes["customerInfo"]; v != nil && strings.Contains(*v, `"balance":"12.5"`) {
						n["text"]++
					}
				}
			}
		}
		return n
	}
	one, two := kinds("1"), kinds("2")
	if one["sde"] == 0 || one["sde"] != two["sde"] || one["text"] == 0 || two["text"] != 0 || one["sde_unauthenticated"] != 0 || two["sde_unauthenticated"] == 0 {
		t.Errorf("version 1 %v, version 2 %v", one, two)
	}
}

// An open conversation is longer at every request; that alone is not a change.
func TestDurationOfOpenConversation(t *testing.T) {
	thread := func(duration int) string {
		got, err := mapThread([]schemas.Document{doc(kindRecord, "C", fmt.Sprintf(`{"info":{"status":"OPEN","startTimeL":1,"duration":%d}}`, duration))})
		if err != nil {
			t.Fatal(err)
		}
		digest, err := got.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	if thread(1) != thread(2) {
		t.Error("the digest moves with the duration")
	}
}

// Conversations that a consumer may not see are gone for the consumer; an empty response means no messages.
func TestConsumerContent(t *testing.T) {
	for status, want := range map[int]int64{404: 404, 410: 410, 204: 204} {
		a := stub(t, func(w http.ResponseWriter, _ *http.Request) {
			if status == 204 {
				w.WriteHeader(204)
				return
			}
			providertest.Says(status, `{}`)(w, nil)
		}, with(consumerOptions))
		if docs := fetch(t, a, refsTo(2)); len(docs) != 2 || docs[0].Status != want || docs[0].Kind != kindContent || docs[0].Body != nil {
			t.Errorf("%d: %+v", status, docs)
		}
	}
	a := stub(t, providertest.Says(200, `{"body-marker":[]}`), with(consumerOptions))
	for _, err := range a.Messages(t.Context(), refsTo(1)) {
		wantError(t, "another shape", err, providers.Malformed, wire.ErrShape)
	}
	_, a, _ = site(t, simulator.CorpusConfig{Seed: 7, Conversations: 30}, fake.Options{})
	for _, err := range stubConsumer(t, a).Messages(t.Context(), refsTo(1)) {
		wantError(t, "a brand's token", err, providers.Denied, errKey)
	}
}

// stubConsumer returns the same account as a consumer's.
func stubConsumer(_ testing.TB, a *account) *account {
	consumer := &account{id: a.id, options: a.options, hosts: a.hosts, keys: a.keys, doubt: a.doubt}
	consumer.consumer = true
	return consumer
}

// The envelope is read whatever the types of its numbers.
func TestEnvelopes(t *testing.T) {
	for body, want := range map[string]string{
		`{"_metadata":{"count":3,"shardsStatusResult":{"partialResult":false}},"conversationHistoryRecords":[{}]}`:         "3 false 1",
		`{"_metadata":{"count":"3","shardsStatusResult":{"partialResult":"true"}},"conversationHistoryRecords":[]}`:        "3 true 0",
		`{"_responseMetadata":{"count":0,"shardsStatusResult":null},"conversationHistoryMetadataRecords":null}`:            "0 false 0",
		`{"_metadata":[],"conversationHistoryRecords":[{},{}]}`:                                                            "- false 2",
		`{"_metadata":{"count":-1,"shardsStatusResult":{"partialResult":true}},"conversationHistoryMetadataRecords":[{}]}`: "- true 1",
		`{"conversationHistoryRecords":[]}`: "- false 0",
		`{"_metadata":{"count":1}}`:         "error",
		`{"conversationHistoryRecords":{}}`: "error",
	} {
		e, err := readEnvelope([]byte(body))
		got := "error"
		if err == nil {
			count := "-"
			if e.count != nil {
				count = fmt.Sprint(*e.count)
			}
			got = fmt.Sprint(count, " ", e.partial, " ", len(e.records))
		}
		if got != want {
			t.Errorf("%s is %s, want %s", body, got, want)
		}
	}
}
