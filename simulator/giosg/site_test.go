package giosg

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
)

func world(options Options) *Site {
	return New(simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 120}), options)
}

const org = "/api/v5/orgs/" + Organization

type sent struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

func ask(t *testing.T, s *Site, path, authorization string) sent {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://giosg.example"+path, nil)
	r.Header.Set("Authorization", authorization)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := sent{status: w.Code, header: w.Header(), raw: string(body)}
	if err := json.Unmarshal(body, &a.body); err != nil {
		t.Fatalf("%s: %s", path, body)
	}
	return a
}

const manager = "Token " + ManagerToken

// all reads a collection to its end.
func all(t *testing.T, s *Site, path string) (rows []map[string]any, pages []int) {
	t.Helper()
	for path != "" {
		a := ask(t, s, path, manager)
		if a.status != http.StatusOK {
			t.Fatalf("%s: %s", path, a.raw)
		}
		results, _ := a.body["results"].([]any)
		for _, row := range results {
			rows = append(rows, row.(map[string]any))
		}
		pages = append(pages, len(results))
		next, _ := a.body["next"].(string)
		path = strings.TrimPrefix(next, "http://giosg.example")
	}
	return rows, pages
}

func TestList(t *testing.T) {
	for _, options := range []Options{{PageSize: 7}, {PageSize: 4, EmptyPages: true}, {PageSize: 1}, {PageSize: 6, IgnoreOrdering: true}} {
		s := world(options)
		rows, pages := all(t, s, org+"/owned_chats?ordering=-created_at")
		var ids, times []string
		for _, row := range rows {
			ids, times = append(ids, row["id"].(string)), append(times, row["created_at"].(string))
		}
		if !options.IgnoreOrdering {
			slices.Reverse(times)
			slices.Reverse(ids)
		}
		c := s.corpus.Config()
		want := s.Conversations(schemas.Window{From: c.From, To: c.To.AddDate(1, 0, 0)})
		if !slices.IsSorted(times) || !slices.Equal(ids, want) {
			t.Errorf("%+v: %d chats in the list, want %d", options, len(ids), len(want))
		}
		if slices.Contains(pages, 0) != options.EmptyPages || options.PageSize > 1 && slices.Min(pages[:len(pages)-1]) == slices.Max(pages) {
			t.Errorf("%+v: pages of %v rows", options, pages)
		}
	}
}

// A cursor is a position: new chats above it move nothing below.
func TestPositions(t *testing.T) {
	s := world(Options{PageSize: 10})
	first := ask(t, s, org+"/owned_chats", manager)
	next := strings.TrimPrefix(first.body["next"].(string), "http://giosg.example")
	before := ask(t, s, next, manager).raw
	s.Insert(simulator.Conversation{})
	s.DeleteChat(first.body["results"].([]any)[0].(map[string]any)["id"].(string))
	if after := ask(t, s, next, manager).raw; after != before {
		t.Error("the second page has moved")
	}
	s.ExpireCursors()
	if a := ask(t, s, next, manager); a.status != http.StatusNotFound || a.raw != `{"detail":"Invalid cursor"}` {
		t.Errorf("an expired cursor: %d %s", a.status, a.raw)
	}
}

func TestWhoMayAsk(t *testing.T) {
	s := world(Options{})
	for _, tt := range []struct {
		path, authorization string
		status              int
	}{
		{"/api/v5/users/me", manager, 200},
		{"/api/v5/users/me", "Token ?", 401},
		{org + "/owned_chats", "", 401},
		{org + "/owned_chats", "Bearer " + ManagerToken, 401},
		{org + "/owned_chats", "Token " + OutsiderToken, 404},
		{org + "/rooms", "Token " + LimitedToken, 403},
		{org + "/owned_chats/x", manager, 404},
		{org + "/rooms/x/chats", manager, 404},
		{"/api/v5/orgs/x/owned_chats", manager, 404},
		{"/elsewhere", manager, 404},
	} {
		if a := ask(t, s, tt.path, tt.authorization); a.status != tt.status || tt.status != 200 && a.body["detail"] == nil {
			t.Errorf("%s as %q: %d %s", tt.path, tt.authorization, a.status, a.raw)
		}
	}
	app := world(Options{Scheme: "GIOSGAPP", AppSecret: "s"})
	if a := ask(t, app, org+"/owned_chats", "GIOSGAPP "+ManagerToken+" s"); a.status != 200 {
		t.Errorf("an app: %s", a.raw)
	}
	slow := world(Options{Throttle: Throttle{PerSecond: 0.001, Burst: 1, RetryAfter: 30}})
	ask(t, slow, org+"/owned_chats", manager)
	if a := ask(t, slow, org+"/owned_chats", manager); a.status != 429 || a.header.Get("Retry-After") != "30" || slow.Stats().Throttled != 1 {
		t.Errorf("too many requests: %d", a.status)
	}
}

// A small world contains all traps of the platform.
func TestTraps(t *testing.T) {
	s := world(Options{Encrypted: true})
	rows, _ := all(t, s, org+"/owned_chats")
	found := map[string]int{}
	for _, row := range rows {
		if row["chat_type"] == "external" {
			found["external"]++
			if row["is_ended"] != false {
				t.Error("an external chat has ended")
			}
		}
		messages, _ := all(t, s, org+"/owned_chats/"+row["id"].(string)+"/messages")
		var counted float64
		for _, m := range messages {
			found[m["type"].(string)]++
			if m["type"] == "msg" {
				counted++
			}
			if ended, ok := row["ended_at"].(string); ok && m["created_at"].(string) > ended {
				found["late"]++
			}
			if m["encrypted_message"] != nil {
				found["encrypted"]++
				if m["message"] != nil || !strings.Contains(fmt.Sprint(m["is_encrypted"]), "true") {
					t.Error("an encrypted message with its text")
				}
			}
			if m["sensitive_data_purged_at"] != nil {
				found["purged"]++
			}
			if len(m["attachments"].([]any)) > 0 {
				found["attachments"]++
			}
		}
		if row["message_count"] != counted {
			t.Errorf("chat %s states %v messages, %v of them are of type msg", row["id"], row["message_count"], counted)
		}
		if len(messages) > 1 && messages[0]["created_at"].(string) > messages[len(messages)-1]["created_at"].(string) {
			found["newest first"]++
		}
	}
	for _, trap := range []string{"external", "late", "encrypted", "purged", "attachments", "newest first", "msg", "autosuggest", "join", "leave", "tag_created", "system", "shoppingcart_locked", "action", "whisper"} {
		if found[trap] == 0 {
			t.Errorf("no trap %q in %v", trap, found)
		}
	}
}

// The same world gives the same bytes, even if encrypted.
func TestSameBytes(t *testing.T) {
	one, two := world(Options{Encrypted: true}), world(Options{Encrypted: true})
	rows, _ := all(t, one, org+"/owned_chats")
	for _, row := range rows {
		for _, path := range []string{"", "/messages", "/memberships", "/tags"} {
			path = org + "/owned_chats/" + row["id"].(string) + path
			if ask(t, one, path, manager).raw != ask(t, two, path, manager).raw {
				t.Fatalf("%s differs", path)
			}
		}
	}
	deleted, _ := all(t, one, org+"/users?include_deleted=true")
	live, _ := all(t, one, org+"/users")
	if len(deleted) != len(live)+1 {
		t.Errorf("%d users, %d with the deleted ones", len(live), len(deleted))
	}
}
