package tests

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/tests/lakesql"
)

// contents is everything in a lake about conversations, by conversation.
type contents struct {
	threads     map[string]*schemas.Thread
	tombstones  []schemas.Tombstone // of whole conversations
	deadLetters []schemas.DeadLetter
	documents   map[string][]document
}

// document is a row of the table documents, whose conversation_id may be null. Its body is either text or bytes.
type document struct {
	ConversationID *string
	Kind           string
	Sequence       int64
	Status         int64
	ObservedAt     time.Time
	Body           *[]byte
	BodyText       *string
}

func (d document) hasBody() bool {
	return d.Body != nil && len(*d.Body) > 0 || d.BodyText != nil && *d.BodyText != ""
}

func rows[R any](t *testing.T, lake *lakesql.Lake, table string) []R {
	t.Helper()
	all, err := lakesql.Rows[R](context.Background(), lake, table)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func openLake(t *testing.T, root string) *lakesql.Lake {
	t.Helper()
	lake, err := lakesql.Open(context.Background(), root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lake.Close() })
	return lake
}

func readContents(t *testing.T, lake *lakesql.Lake) contents {
	t.Helper()
	c := contents{threads: map[string]*schemas.Thread{}, documents: map[string][]document{}}
	for _, row := range rows[schemas.Conversation](t, lake, "conversations") {
		if c.threads[row.ConversationID] != nil {
			t.Errorf("conversation %s is in the lake twice", row.ConversationID)
		}
		c.threads[row.ConversationID] = &schemas.Thread{Conversation: row}
	}
	for _, row := range rows[schemas.Message](t, lake, "messages") {
		if th := c.thread(t, "messages", row.ConversationID); th != nil {
			th.Messages = append(th.Messages, row)
		}
	}
	for _, row := range rows[schemas.Participant](t, lake, "participants") {
		if th := c.thread(t, "participants", row.ConversationID); th != nil {
			th.Participants = append(th.Participants, row)
		}
	}
	for _, row := range rows[schemas.Event](t, lake, "events") {
		if th := c.thread(t, "events", row.ConversationID); th != nil {
			th.Events = append(th.Events, row)
		}
	}
	for _, row := range rows[schemas.Rating](t, lake, "ratings") {
		if th := c.thread(t, "ratings", row.ConversationID); th != nil {
			th.Ratings = append(th.Ratings, row)
		}
	}
	for _, row := range rows[schemas.Attachment](t, lake, "attachments") {
		if th := c.thread(t, "attachments", row.ConversationID); th != nil {
			th.Attachments = append(th.Attachments, row)
		}
	}
	for _, row := range rows[schemas.Tombstone](t, lake, "tombstones") {
		if row.MessageID == nil {
			c.tombstones = append(c.tombstones, row)
		} else if th := c.thread(t, "tombstones", row.ConversationID); th != nil {
			th.Tombstones = append(th.Tombstones, row)
		}
	}
	c.deadLetters = rows[schemas.DeadLetter](t, lake, "dead_letters")
	for _, row := range rows[document](t, lake, "documents") {
		if (row.BodyText != nil) == (row.Body != nil) || row.BodyText != nil && !utf8.ValidString(*row.BodyText) || row.Body != nil && utf8.Valid(*row.Body) {
			t.Errorf("a document of %s does not have its body once, as text or else as bytes", row.Kind)
		}
		if row.ConversationID != nil {
			c.documents[*row.ConversationID] = append(c.documents[*row.ConversationID], row)
		}
	}
	return c
}

func (c contents) thread(t *testing.T, table, conversationID string) *schemas.Thread {
	t.Helper()
	th := c.threads[conversationID]
	if th == nil {
		t.Errorf("%s has a row of conversation %s, which is not in conversations", table, conversationID)
	}
	return th
}

// normal makes threads comparable: it sorts rows without an order, and removes what the site cannot know.
func normal(th schemas.Thread) schemas.Thread {
	th.Conversation.ObservedAt, th.Conversation.StoredMessages, th.Conversation.ContentSHA256 = time.Time{}, 0, ""
	th.Conversation.ListedVersion = nil // of the list, not of the conversation
	for i := range th.Messages {
		th.Messages[i].ObservedAt = time.Time{}
	}
	settle(th.Participants, func(r *schemas.Participant) (string, *time.Time) {
		return r.Role + " " + r.Type + " " + r.ParticipantID, &r.ObservedAt
	})
	settle(th.Events, func(r *schemas.Event) (string, *time.Time) { return r.EventID, &r.ObservedAt })
	settle(th.Ratings, func(r *schemas.Rating) (string, *time.Time) { return r.RatingID, &r.ObservedAt })
	settle(th.Attachments, func(r *schemas.Attachment) (string, *time.Time) { return r.AttachmentID, &r.ObservedAt })
	settle(th.Tombstones, func(r *schemas.Tombstone) (string, *time.Time) { return *r.MessageID, &r.ObservedAt })
	return th
}

// normalSnapshot is normal for the directory.
func normalSnapshot(s schemas.Snapshot) schemas.Snapshot {
	settle(s.Agents, func(r *schemas.Agent) (string, *time.Time) { return r.AgentID, &r.ObservedAt })
	settle(s.Contacts, func(r *schemas.Contact) (string, *time.Time) { return r.ContactID, &r.ObservedAt })
	settle(s.Groups, func(r *schemas.Group) (string, *time.Time) { return r.GroupID, &r.ObservedAt })
	settle(s.Channels, func(r *schemas.Channel) (string, *time.Time) { return r.ChannelID, &r.ObservedAt })
	settle(s.Labels, func(r *schemas.Label) (string, *time.Time) { return r.LabelID, &r.ObservedAt })
	settle(s.Fields, func(r *schemas.Field) (string, *time.Time) { return r.FieldID, &r.ObservedAt })
	settle(s.Ratings, func(r *schemas.Rating) (string, *time.Time) { return r.RatingID, &r.ObservedAt })
	return s
}

// settle sorts rows by key and removes their observation times.
func settle[R any](rows []R, of func(*R) (key string, observedAt *time.Time)) {
	for i := range rows {
		_, observedAt := of(&rows[i])
		*observedAt = time.Time{}
	}
	slices.SortFunc(rows, func(a, b R) int {
		ka, _ := of(&a)
		kb, _ := of(&b)
		return strings.Compare(ka, kb)
	})
}

// site is a fake that knows its correct rows.
type site interface {
	Conversations(schemas.Window) []string
	Thread(id string) (schemas.Thread, bool)
	Snapshot() schemas.Snapshot
}

// sameAsSite checks that a lake contains exactly what a site has in a window: nothing missing, nothing twice, every column
// equal, and documents of the given kinds in addition to the rows.
func sameAsSite(t *testing.T, root string, site site, window schemas.Window, kinds ...string) {
	t.Helper()
	sameInLake(t, openLake(t, root), site, window, kinds...)
}

// sameInLake is sameAsSite for an open lake, optionally restricted to one account.
func sameInLake(t *testing.T, lake *lakesql.Lake, site site, window schemas.Window, kinds ...string) {
	t.Helper()
	lake.Stream = "created"
	c := readContents(t, lake)
	if len(c.tombstones) > 0 {
		t.Errorf("%d conversations are gone, want none", len(c.tombstones))
	}
	c.sameThreads(t, site, site.Conversations(window), kinds)
	sameDirectory(t, lake, site)
}

// sameThreads checks that the contents are these conversations as the site has them, and no others.
func (c contents) sameThreads(t *testing.T, site site, want, kinds []string) {
	t.Helper()
	if len(c.deadLetters) > 0 {
		t.Errorf("%d dead letters, want none", len(c.deadLetters))
	}
	if len(want) == 0 {
		t.Fatal("the site has no conversations")
	}
	wrong := 0
	for _, id := range want {
		if !c.sameThread(t, site, id, kinds) {
			if wrong++; wrong == 3 {
				t.Fatal("and so on")
			}
		}
	}
	for id := range c.threads {
		if !slices.Contains(want, id) {
			t.Errorf("conversation %s is in the lake and not on the site", id)
		}
	}
}

func (c contents) sameThread(t *testing.T, site site, id string, kinds []string) bool {
	t.Helper()
	got := c.threads[id]
	if got == nil {
		t.Errorf("conversation %s is missing", id)
		return false
	}
	want, _ := site.Thread(id)
	conv := got.Conversation
	if diff := cmp.Diff(normal(want), normal(*got), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("conversation %s (-site +lake):\n%s", id, diff)
		return false
	}
	if conv.StoredMessages != int64(len(want.Messages)) || !strings.HasPrefix(conv.ContentSHA256, "v2:") || conv.ObservedAt.IsZero() {
		t.Errorf("conversation %s: %d messages stored of %d, digest %q, observed at %s",
			id, conv.StoredMessages, len(want.Messages), conv.ContentSHA256, conv.ObservedAt)
		return false
	}
	for _, kind := range kinds {
		if !slices.ContainsFunc(c.documents[id], func(d document) bool { return d.Kind == kind && d.hasBody() }) {
			t.Errorf("conversation %s has no document %s", id, kind)
			return false
		}
	}
	return true
}

func sameDirectory(t *testing.T, lake *lakesql.Lake, site site) {
	t.Helper()
	lake.Stream = "directory"
	got := schemas.Snapshot{
		Agents:   rows[schemas.Agent](t, lake, "agents"),
		Contacts: rows[schemas.Contact](t, lake, "contacts"),
		Groups:   rows[schemas.Group](t, lake, "groups"),
		Channels: rows[schemas.Channel](t, lake, "channels"),
		Labels:   rows[schemas.Label](t, lake, "labels"),
		Fields:   rows[schemas.Field](t, lake, "fields"),
		Ratings:  rows[schemas.Rating](t, lake, "ratings"),
	}
	if diff := cmp.Diff(normalSnapshot(site.Snapshot()), normalSnapshot(got), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("directory (-site +lake):\n%s", diff)
	}
}
