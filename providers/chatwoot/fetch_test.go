package chatwoot

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

// fakeMessages serves the messages of one conversation. Its options are the differences between servers.
type fakeMessages struct {
	ids          []int64 // in the order of their times
	bare         bool    // answers with a bare array
	ignoreBefore bool
	ignoreBoth   bool // ignores the bounds if both are given
	cap          int  // of a window with both bounds
	text         string
	requests     atomic.Int64
}

func (s *fakeMessages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	after, hasAfter := bound(r, "after")
	before, hasBefore := bound(r, "before")
	if hasAfter && hasBefore && s.ignoreBoth {
		hasAfter, hasBefore = false, false
	}
	hasBefore = hasBefore && !s.ignoreBefore
	var rows []int64
	for _, id := range s.ids {
		switch {
		case hasAfter && hasBefore && (id < after || id >= before), hasAfter && !hasBefore && id <= after, !hasAfter && hasBefore && id >= before:
		default:
			rows = append(rows, id)
		}
	}
	switch {
	case hasAfter && hasBefore:
		rows = rows[:min(len(rows), cmp.Or(s.cap, windowCap))]
	case hasAfter:
		rows = rows[:min(len(rows), afterCap)]
	default:
		rows = rows[max(0, len(rows)-latestCap):]
	}
	payload := []map[string]any{}
	for _, id := range rows {
		payload = append(payload, map[string]any{"id": id, "created_at": 1_700_000_000 + slices.Index(s.ids, id), "content": cmp.Or(s.text, "x")})
	}
	if s.bare {
		_ = json.NewEncoder(w).Encode(payload)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"payload": payload})
}

func bound(r *http.Request, key string) (int64, bool) {
	n, err := strconv.ParseInt(r.URL.Query().Get(key), 10, 64)
	return n, err == nil
}

// ladder returns n ids that begin at start and are step apart.
func ladder(start, step int64, n int) []int64 {
	var ids []int64
	for i := range int64(n) {
		ids = append(ids, start+i*step)
	}
	return ids
}

func shuffled(ids []int64) []int64 {
	dice := rand.New(rand.NewPCG(1, 2))
	dice.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return ids
}

func TestMessageWindows(t *testing.T) {
	tests := []struct {
		name string
		fake fakeMessages
		most int64 // requests
	}{
		{"none", fakeMessages{}, 1},
		{"one", fakeMessages{ids: []int64{7}}, 1},
		{"19", fakeMessages{ids: ladder(5, 3, 19)}, 1},
		{"20", fakeMessages{ids: ladder(5, 3, 20)}, 3},
		{"100", fakeMessages{ids: ladder(5, 3, 100)}, 2},
		{"101", fakeMessages{ids: ladder(5, 3, 101)}, 1},
		{"999", fakeMessages{ids: ladder(5, 3, 999)}, 1},
		{"1000", fakeMessages{ids: ladder(5, 3, 1000)}, 4},
		{"5000 in a row", fakeMessages{ids: ladder(5, 1, 5000)}, 20},
		{"5000 far apart", fakeMessages{ids: ladder(1e12, 1e6, 5000)}, 20},
		{"5000, times against ids", fakeMessages{ids: shuffled(ladder(5, 17, 5000))}, 40},
		{"dense, then sparse", fakeMessages{ids: slices.Concat(ladder(5, 1, 3000), ladder(1e9, 1e5, 3000))}, 40},
		{"sparse, then dense", fakeMessages{ids: slices.Concat(ladder(5, 1e5, 1500), ladder(1e9, 1, 4000))}, 60},
		{"beyond an int32", fakeMessages{ids: ladder(1<<40, 1, 1500)}, 6},
		{"bare array", fakeMessages{ids: ladder(5, 3, 30), bare: true}, 1},
		{"upper bound ignored", fakeMessages{ids: ladder(5, 3, 777), ignoreBefore: true}, 9},
		{"both bounds ignored", fakeMessages{ids: ladder(5, 3, 500), ignoreBoth: true}, 40},
		{"both bounds ignored, 20 rows", fakeMessages{ids: ladder(5, 3, 20), ignoreBoth: true}, 3},
		{"another cap", fakeMessages{ids: ladder(5, 3, 1234), cap: 500}, 12},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(&tt.fake)
			defer server.Close()
			a := testAccount(t, server.URL)
			docs := []schemas.Document{{Kind: kindConversation, ConversationID: "9", Status: 200, Body: []byte(`{"id":9}`)}}
			for doc, err := range a.Messages(t.Context(), []providers.Ref{{ID: "9"}}) {
				if err != nil {
					t.Fatal(err)
				}
				if want := int64(len(docs) - 1); doc.Sequence != want || doc.Kind != kindMessages || doc.ConversationID != "9" {
					t.Errorf("document %s %d of %s, want sequence %d", doc.Kind, doc.Sequence, doc.ConversationID, want)
				}
				docs = append(docs, doc)
			}
			thread, err := mapper().Thread(docs)
			if err != nil {
				t.Fatal(err)
			}
			if len(thread.Messages) != len(tt.fake.ids) {
				t.Errorf("%d messages, want %d", len(thread.Messages), len(tt.fake.ids))
			}
			for i, m := range thread.Messages {
				if m.MessageID != fmt.Sprint(tt.fake.ids[i]) {
					t.Fatalf("message %d is %s, want %d", i, m.MessageID, tt.fake.ids[i])
				}
			}
			if n := tt.fake.requests.Load(); n > tt.most {
				t.Errorf("%d requests, want %d at most", n, tt.most)
			}
		})
	}
}

// A window whose body is too large is narrowed until it fits.
func TestLargeMessages(t *testing.T) {
	const limit = 64 << 10
	tests := []struct {
		name  string
		bytes int // of a message
		ids   []int64
		err   error
	}{
		{"most of a page each", limit / 150, slices.Concat(ladder(5, 3, 700), ladder(1e9, 7, 800)), nil},
		{"a few in a window", limit / 110, ladder(5, 3, 300), nil},
		{"one too large", limit * 2, ladder(5, 3, 1), rest.ErrTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &fakeMessages{ids: tt.ids, text: strings.Repeat("x", tt.bytes-70)}
			server := httptest.NewServer(s)
			defer server.Close()
			a := testAccount(t, server.URL)
			var err error
			if a.http, err = rest.New(rest.Config{BaseURL: server.URL, MaxBody: limit}); err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for doc, err := range a.Messages(t.Context(), []providers.Ref{{ID: "9"}}) {
				if tt.err != nil {
					if !errors.Is(err, tt.err) {
						t.Errorf("the error is %v, want %v", err, tt.err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				rows, _, _ := envelope(doc.Body)
				for _, row := range rows {
					seen[wire.Word(wire.Field(row, "id"))] = true
				}
			}
			if len(seen) != len(tt.ids) {
				t.Errorf("%d messages, want %d", len(seen), len(tt.ids))
			}
			t.Logf("%d requests", s.requests.Load())
		})
	}
}

// Once a server has returned a long window, full-looking answers are no longer checked for a cap.
func TestCapsAreCheckedUntilProven(t *testing.T) {
	long, short := &fakeMessages{ids: ladder(5, 1, 333)}, &fakeMessages{ids: ladder(5, 1, 20)}
	mux := http.NewServeMux()
	mux.Handle("/api/v1/accounts/1/conversations/1/messages", long)
	mux.Handle("/api/v1/accounts/1/conversations/2/messages", short)
	server := httptest.NewServer(mux)
	defer server.Close()
	a := testAccount(t, server.URL)
	for doc, err := range a.Messages(t.Context(), []providers.Ref{{ID: "1"}, {ID: "2"}}) {
		if err != nil {
			t.Fatal(doc, err)
		}
	}
	if n := short.requests.Load(); n != 1 {
		t.Errorf("%d requests for twenty messages", n)
	}
}

func static(t *testing.T, answers map[string]http.HandlerFunc) *account {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f, ok := answers[r.URL.Path]; ok {
			f(w, r)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":"Resource could not be found"}`)
	}))
	t.Cleanup(server.Close)
	return testAccount(t, server.URL)
}

const root = "/api/v1/accounts/1"

func TestGoneConversation(t *testing.T) {
	a := static(t, nil)
	var docs []schemas.Document
	for doc, err := range a.Messages(t.Context(), []providers.Ref{{ID: "5"}, {ID: "6"}}) {
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
	}
	if len(docs) != 2 || docs[0].Status != 404 || docs[0].ConversationID != "5" || len(docs[1].Body) != 0 {
		t.Errorf("documents of two gone conversations: %v", docs)
	}
}

// A 404 from a proxy does not make a conversation gone.
func TestForeign404IsNotGone(t *testing.T) {
	a := static(t, map[string]http.HandlerFunc{
		root + "/conversations/5/messages": providertest.WebPage(404), root + "/conversations/5": providertest.WebPage(404),
	})
	refs := []providers.Ref{{ID: "5"}}
	for name, walk := range map[string]iter.Seq2[schemas.Document, error]{"messages": a.Messages(t.Context(), refs), "metadata": a.Metadata(t.Context(), refs)} {
		for doc, err := range walk {
			var e *providers.Error
			if !errors.As(err, &e) || e.Kind != providers.Transient {
				t.Errorf("%s: status %d, error %v", name, doc.Status, err)
			}
		}
	}
}

func TestMetadata(t *testing.T) {
	refuse := providertest.Says(401, `{"error":"You are not authorized to do this action"}`)
	revoked := providertest.Says(401, `{"error":"Invalid Access Token"}`)
	tests := []struct {
		name    string
		answers map[string]http.HandlerFunc
		want    string // kinds and statuses
		err     error
	}{
		{"both", map[string]http.HandlerFunc{
			"": providertest.Says(200, `{"id":5}`), "/participants": providertest.Says(200, `[]`),
		}, "conversation_details 200, participants 200, ", nil},
		{"participants forbidden", map[string]http.HandlerFunc{
			"": providertest.Says(200, `{"id":5}`), "/participants": refuse,
		}, "conversation_details 200, participants 401, ", nil},
		{"no such endpoint", map[string]http.HandlerFunc{
			"": providertest.Says(200, `{"id":5}`),
		}, "conversation_details 200, participants 404, ", nil},
		{"gone", nil, "conversation_details 404, ", nil},
		{"details forbidden", map[string]http.HandlerFunc{"": refuse}, "", errPolicy},
		{"token revoked meanwhile", map[string]http.HandlerFunc{
			"": providertest.Says(200, `{"id":5}`), "/participants": revoked,
		}, "conversation_details 200, ", errToken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answers := map[string]http.HandlerFunc{}
			for path, f := range tt.answers {
				answers[root+"/conversations/5"+path] = f
			}
			got := ""
			var last error
			for doc, err := range static(t, answers).Metadata(t.Context(), []providers.Ref{{ID: "5"}}) {
				if err != nil {
					last = err
					continue
				}
				got += fmt.Sprintf("%s %d, ", doc.Kind, doc.Status)
			}
			if got != tt.want || !errors.Is(last, tt.err) || (last == nil) != (tt.err == nil) {
				t.Errorf("got %s and error %v, want %s and %v", got, last, tt.want, tt.err)
			}
		})
	}
}

// TestUnlistedConversationsHaveDetails: without a list, only the details describe a conversation. They come with the metadata, or with the
// messages if the options ask for no metadata, because then nobody calls Metadata.
func TestUnlistedConversationsHaveDetails(t *testing.T) {
	for _, test := range []struct {
		participants, unlisted bool
		messages, metadata     []string
	}{
		{false, false, []string{kindMessages}, nil},
		{false, true, []string{kindMessages, kindDetails}, nil},
		{true, false, []string{kindMessages}, []string{kindParticipants}},
		{true, true, []string{kindMessages}, []string{kindDetails, kindParticipants}},
	} {
		a := static(t, map[string]http.HandlerFunc{
			root + "/conversations/5":              providertest.Says(200, `{"id":5}`),
			root + "/conversations/5/messages":     providertest.Says(200, `{"meta":{},"payload":[]}`),
			root + "/conversations/5/participants": providertest.Says(200, `[]`),
		})
		a.details, a.participants = detailsNever, test.participants
		kinds := func(docs iter.Seq2[schemas.Document, error]) (kinds []string) {
			for doc, err := range docs {
				if err != nil {
					t.Fatal(err)
				}
				kinds = append(kinds, doc.Kind)
			}
			return kinds
		}
		refs := []providers.Ref{{ID: "5", Unlisted: test.unlisted}}
		messages, metadata := kinds(a.Messages(t.Context(), refs)), kinds(a.Metadata(t.Context(), refs))
		if !slices.Equal(messages, test.messages) || !slices.Equal(metadata, test.metadata) {
			t.Errorf("%+v: messages yield %v, metadata %v", test, messages, metadata)
		}
	}
}
