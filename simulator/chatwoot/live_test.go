package chatwoot_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
)

var year = schemas.Window{From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}

func TestDeletedConversationIsGone(t *testing.T) {
	site := newSite(t, 60, chatwoot.Options{})
	before := site.Conversations(year)
	if !site.DeleteConversation(5) {
		t.Fatal("conversation 5 was not there")
	}
	if site.DeleteConversation(5) {
		t.Error("conversation 5 was deleted twice")
	}
	want := slices.DeleteFunc(before, func(id string) bool { return id == "5" })
	if diff := cmp.Diff(want, site.Conversations(year)); diff != "" {
		t.Errorf("conversations (-want +got):\n%s", diff)
	}
	if rows := all(t, site, "status=all"); len(rows) != 59 || slices.ContainsFunc(rows, func(r row) bool { return r.ID == 5 }) {
		t.Errorf("%d rows listed, want 59 without conversation 5", len(rows))
	}
	for _, path := range []string{"", "/messages", "/participants"} {
		if w := ask(t, site, "GET", "conversations/5"+path, chatwoot.AdministratorToken, ""); w.Code != http.StatusNotFound {
			t.Errorf("conversations/5%s: status %d, want 404", path, w.Code)
		}
	}
	if _, ok := site.Thread("5"); ok {
		t.Error("the truth still has conversation 5")
	}
}

func TestInsertedConversation(t *testing.T) {
	site := newSite(t, 60, chatwoot.Options{})
	at := year.From.Add(40 * 24 * time.Hour)
	n := site.InsertConversation(simulator.Conversation{Outline: simulator.Outline{CreatedAt: at}},
		simulator.Message{Kind: simulator.In, Text: new("hello")}, simulator.Message{Kind: simulator.Activity, Text: new("noted")})
	truth, ok := site.Thread(itoa(n))
	if !ok || len(truth.Messages) != 2 || len(truth.Events) != 1 || !truth.Conversation.CreatedAt.Equal(at) {
		t.Fatalf("truth %v: %d messages, %d events", ok, len(truth.Messages), len(truth.Events))
	}
	rows := all(t, site, "status=all&sort_by=created_at_asc")
	if !slices.IsSortedFunc(rows, func(a, b row) int { return int(a.CreatedAt - b.CreatedAt) }) || len(rows) != 61 {
		t.Errorf("%d rows, want 61 in the order of creation", len(rows))
	}
	if next := site.InsertConversation(simulator.Conversation{}); next != n+1 {
		t.Errorf("the next conversation is %d, want %d", next, n+1)
	}
}

func TestNewMessageMovesTheConversation(t *testing.T) {
	now := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	site := newSite(t, 60, chatwoot.Options{Now: func() time.Time { return now }})
	id, ok := site.AddMessage(7, simulator.Message{Kind: simulator.In, Text: new("still there?")})
	if !ok {
		t.Fatal("conversation 7 is not there")
	}
	if first := all(t, site, "status=all")[0]; first.ID != 7 || first.Activity != now.Unix() || first.Messages[0].ID != id {
		t.Errorf("the first row is %+v, want conversation 7 with message %d", first, id)
	}
	truth, _ := site.Thread("7")
	last := truth.Messages[len(truth.Messages)-1]
	if last.MessageID != itoa(id) || *truth.Conversation.SourceVersion != now.UnixMicro() {
		t.Errorf("the truth ends with message %s, version %d", last.MessageID, *truth.Conversation.SourceVersion)
	}
	if _, ok := site.AddMessage(99999, simulator.Message{}); ok {
		t.Error("a message was added to no conversation")
	}
}

func TestDeletedMessageLeavesATombstone(t *testing.T) {
	for version, touched := range map[string]bool{chatwoot.V4_14: false, chatwoot.V3_16: true} {
		site := newSite(t, 60, chatwoot.Options{Version: version})
		before, _ := site.Thread("1")
		var id int64
		if _, err := fmt.Sscan(before.Messages[0].MessageID, &id); err != nil {
			t.Fatal(err)
		}
		if !site.DeleteMessage(1, id) || site.DeleteMessage(1, 3) {
			t.Error("DeleteMessage does not say whether there was a message")
		}
		after, _ := site.Thread("1")
		if len(after.Tombstones) != len(before.Tombstones)+1 || !after.Messages[0].IsDeleted || *after.Messages[0].Text != "This message was deleted" {
			t.Errorf("version %s: %d tombstones, message deleted %v", version, len(after.Tombstones), after.Messages[0].IsDeleted)
		}
		within := all1(t, site, "status=all&updated_within=3600")
		if got := len(within) == 1; got != touched {
			t.Errorf("version %s: the conversation was touched: %v, want %v", version, got, touched)
		}
	}
}

// all1 reads a list that consists of one answer.
func all1(t *testing.T, site *chatwoot.Site, query string) []row {
	t.Helper()
	var l list
	get(t, site, "conversations?"+query, &l)
	return l.Data.Payload
}

func TestUpdateConversation(t *testing.T) {
	site := newSite(t, 60, chatwoot.Options{})
	site.UpdateConversation(3, func(c *simulator.Conversation) {
		c.Tags, c.Assignee = []string{"new"}, simulator.Actor{Kind: simulator.ByBot, ID: 4}
	})
	var shown row
	get(t, site, "conversations/3", &shown)
	if !slices.Equal(shown.Labels, []string{"new"}) || shown.Meta.Kind != "AgentBot" {
		t.Errorf("conversation 3 is %+v", shown)
	}
	if truth, _ := site.Thread("3"); *truth.Conversation.Attributes["assignee_type"] != "AgentBot" || *truth.Conversation.AssigneeID != "4" {
		t.Errorf("truth is %+v", truth.Conversation)
	}
}

// TestChangesWhileReading: a reader that reads page after page in the order of creation, while conversations are added at the
// end, misses none of the existing ones.
func TestChangesWhileReading(t *testing.T) {
	site := newSite(t, 500, chatwoot.Options{})
	there := site.Conversations(year)
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := range 50 {
				n := site.InsertConversation(simulator.Conversation{}, simulator.Message{Text: new("x")})
				site.AddMessage(n, simulator.Message{Text: new("y")})
				site.AddMessage(int64(w+1), simulator.Message{Text: new("z")})
				site.UpdateConversation(int64(i+10), func(c *simulator.Conversation) { c.Muted = !c.Muted })
			}
		})
	}
	rows := all(t, site, "status=all&sort_by=created_at_asc")
	writers.Wait()
	seen := map[string]bool{}
	for _, r := range rows {
		seen[itoa(r.ID)] = true
	}
	for _, id := range there {
		if !seen[id] {
			t.Errorf("conversation %s was not listed", id)
		}
	}
	if n := len(all(t, site, "status=all")); n != 650 {
		t.Errorf("%d conversations in the end, want 650", n)
	}
	for _, n := range []int64{1, 2, 3} {
		truth, _ := site.Thread(itoa(n))
		ids := map[string]bool{}
		for _, m := range truth.Messages {
			ids[m.MessageID] = true
		}
		corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 7, Conversations: 500})
		if want := corpus.Outline(int(n-1)).Messages + 50; len(ids) != want {
			t.Errorf("conversation %d has %d messages, want %d", n, len(ids), want)
		}
	}
}
