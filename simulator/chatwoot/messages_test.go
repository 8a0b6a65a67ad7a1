package chatwoot_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
)

type messages struct {
	Payload []struct {
		ID        int64
		CreatedAt int64 `json:"created_at"`
		Type      int   `json:"message_type"`
		Private   bool
	}
}

func ids(m messages) []int64 {
	var ids []int64
	for _, p := range m.Payload {
		ids = append(ids, p.ID)
	}
	return ids
}

// conversation puts a conversation with n messages into an empty world; at returns when message j was created.
func conversation(t *testing.T, n int, at func(j int) int) (site *chatwoot.Site, number int64, id []int64) {
	t.Helper()
	site = newSite(t, 0, chatwoot.Options{})
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	list := make([]simulator.Message, n)
	for j := range list {
		list[j] = simulator.Message{CreatedAt: start.Add(time.Duration(at(j)) * time.Second), Text: new("x"), Kind: simulator.MessageKind(j % 5)}
	}
	number = site.InsertConversation(simulator.Conversation{}, list...)
	truth, _ := site.Thread(itoa(number))
	for _, m := range truth.Messages {
		var v int64
		if _, err := fmt.Sscan(m.MessageID, &v); err != nil {
			t.Fatal(err)
		}
		id = append(id, v)
	}
	slices.Sort(id)
	return site, number, id
}

// TestWindows: if times ascend with ids, windows are simple ranges of ids.
func TestWindows(t *testing.T) {
	const n = 2500
	site, number, id := conversation(t, n, func(j int) int { return j / 3 })
	tests := []struct {
		name, query string
		want        []int64
	}{
		{"latest", "", id[n-20:]},
		{"before", fmt.Sprintf("?before=%d", id[50]), id[30:50]},
		{"before the first", fmt.Sprintf("?before=%d", id[0]), nil},
		{"before the seventh", fmt.Sprintf("?before=%d", id[6]), id[:6]},
		{"after", fmt.Sprintf("?after=%d", id[10]), id[11:111]},
		{"after nothing", "?after=0", id[:100]},
		{"after near the end", fmt.Sprintf("?after=%d", id[n-3]), id[n-2:]},
		{"after the last", fmt.Sprintf("?after=%d", id[n-1]), nil},
		{"both, after included, before not", fmt.Sprintf("?after=%d&before=%d", id[10], id[20]), id[10:20]},
		{"both, cut", fmt.Sprintf("?after=%d&before=%d", id[10], id[2000]), id[10:1010]},
		{"both, exactly full", fmt.Sprintf("?after=%d&before=%d", id[10], id[1010]), id[10:1010]},
		{"both, empty", fmt.Sprintf("?after=%d&before=%d", id[10], id[10]), nil},
		{"no number is 0", "?after=x", id[:100]},
		{"empty is absent", "?after=&before=", id[n-20:]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var m messages
			get(t, site, fmt.Sprintf("conversations/%d/messages%s", number, tt.query), &m)
			if diff := cmp.Diff(tt.want, ids(m)); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
		})
	}
}

// TestImportedWindows: answers are truncated by time, not by id, so continuing from the largest id loses messages.
func TestImportedWindows(t *testing.T) {
	site, number, id := conversation(t, 300, func(j int) int { return (j + 150) % 300 }) // the later half of the ids is older
	var m messages
	get(t, site, fmt.Sprintf("conversations/%d/messages?after=0", number), &m)
	if diff := cmp.Diff(id[150:250], ids(m)); diff != "" {
		t.Errorf("after=0 gives the oldest by time (-want +got):\n%s", diff)
	}
	get(t, site, fmt.Sprintf("conversations/%d/messages", number), &m)
	if diff := cmp.Diff(id[130:150], ids(m)); diff != "" {
		t.Errorf("the latest by time (-want +got):\n%s", diff)
	}
	get(t, site, fmt.Sprintf("conversations/%d/messages?after=%d&before=%d", number, id[100], id[200]), &m)
	if diff := cmp.Diff(slices.Concat(id[150:200], id[100:150]), ids(m)); diff != "" {
		t.Errorf("both bounds, ordered by time (-want +got):\n%s", diff)
	}
}

func TestFilterInternalMessages(t *testing.T) {
	site, number, _ := conversation(t, 100, func(j int) int { return j })
	var m messages
	get(t, site, fmt.Sprintf("conversations/%d/messages?after=0&filter_internal_messages=true", number), &m)
	if len(m.Payload) != 60 {
		t.Errorf("%d messages, want 60: neither notes nor activity", len(m.Payload))
	}
	for _, p := range m.Payload {
		if p.Private || p.Type == 2 {
			t.Errorf("message %d is private (%v) or activity (type %d)", p.ID, p.Private, p.Type)
		}
	}
}

// TestDocsMode tests the format of the old documentation, with a conversation of each spelling of times.
func TestDocsMode(t *testing.T) {
	site := newSite(t, 40, chatwoot.Options{Version: chatwoot.Docs})
	for _, number := range []int64{1, 2} {
		var shown struct {
			Timestamp any
			CreatedAt any `json:"created_at"`
		}
		get(t, site, fmt.Sprintf("conversations/%d", number), &shown)
		if _, isText := shown.Timestamp.(string); !isText || shown.CreatedAt != nil {
			t.Errorf("conversation %d: timestamp %v, created_at %v, want a text and nothing", number, shown.Timestamp, shown.CreatedAt)
		}
		var bare []struct {
			Type      any `json:"message_type"`
			CreatedAt any `json:"created_at"`
		}
		get(t, site, fmt.Sprintf("conversations/%d/messages", number), &bare)
		for _, m := range bare {
			_, word := m.Type.(string)
			_, text := m.CreatedAt.(string)
			if !word || !text {
				t.Errorf("conversation %d: message_type %v, created_at %v, want texts", number, m.Type, m.CreatedAt)
			}
		}
	}
}
