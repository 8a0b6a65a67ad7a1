package freshchat

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

// readAt returns documents as read some hours after seenAt.
func readAt(hours int, docs ...schemas.Document) []schemas.Document {
	for i := range docs {
		docs[i].ObservedAt = seenAt.Add(time.Duration(hours) * time.Hour)
	}
	return docs
}

// rowsOn returns the transcript of a day in January 2025.
func rowsOn(day int, rows string) schemas.Document {
	return doc(kindTranscript, fmt.Sprintf(`{"from":"2025-01-%02dT00:00:00Z","to":"2025-01-%02dT00:00:00Z","rows":[%s]}`, day, day+1, rows))
}

// line returns a row of a transcript; say is its time of day and its id.
func line(day int, clock, id string) string {
	return fmt.Sprintf(`{"message_id":%q,"created_time":"2025-01-%02d %s.0","actor_type":"user","actor_id":"u","detailed_message_type":"NORMAL","message":"said"}`, id, day, clock)
}

// sentOn returns a message by REST.
func sentOn(day int, clock, id string) string {
	return fmt.Sprintf(`{"id":%q,"created_time":"2025-01-%02dT%s.000Z","actor_type":"user","actor_id":"u","message_type":"normal"}`, id, day, clock)
}

var (
	body    = doc(kindConversation, `{"conversation_id":"c1","status":"new"}`)
	birth   = doc(kindCreated, `[{"conversation_id":"c1","created_at":"2025-01-01 09:00:00.0","agent_name":"Ana"}]`)
	reopens = doc(kindCreated, `[{"conversation_id":"c1","created_at":"2025-01-02 09:00:00.0","reopened":"true"}]`)
)

// TestKeep reads a conversation again and again, and looks at its rows after each reading.
func TestKeep(t *testing.T) {
	ten, eleven, noon := "10:00:00", "11:00:00", "12:00:00"
	for _, tt := range []struct {
		name     string
		readings [][]schemas.Document
		messages []string // with an asterisk if a transcript has them
		source   string
		agent    bool // who got the conversation when it was created
		stated   int64
	}{
		{"by id only", [][]schemas.Document{
			{body, birth, rowsOn(1, line(1, ten, "m1")), messagesDoc(sentOn(1, ten, "m1"))},
			{messagesDoc(sentOn(1, ten, "m1") + "," + sentOn(2, ten, "m2")), body},
		}, []string{"m1*", "m2"}, "02 10:00:00", true, 2},
		{"by the report of another day", [][]schemas.Document{
			{body, birth, rowsOn(1, line(1, ten, "m1")), messagesDoc(sentOn(1, ten, "m1"))},
			{body, reopens, rowsOn(2, line(2, ten, "m2")), messagesDoc(sentOn(1, ten, "m1") + "," + sentOn(2, ten, "m2"))},
			{messagesDoc(sentOn(1, ten, "m1") + "," + sentOn(2, ten, "m2")), body},
		}, []string{"m1*", "m2*"}, "02 10:00:00", true, 2},
		{"a newer report of the same day", [][]schemas.Document{
			{body, rowsOn(1, line(1, ten, "m1")+","+line(1, eleven, "")), messagesDoc(sentOn(1, ten, "m1"))},
			{body, birth, rowsOn(1, line(1, ten, "m1")+","+line(1, eleven, "")+","+line(1, noon, "m3")), messagesDoc(sentOn(1, ten, "m1"))},
		}, []string{"m1*", "row:20250101T110000.000:u*", "m3*"}, "01 12:00:00", true, 1},
		{"only the transcript ever had it", [][]schemas.Document{
			{body, birth, rowsOn(1, line(1, ten, "m1")), messagesDoc("")},
			{body, rowsOn(2, line(2, ten, "m2")), messagesDoc(sentOn(2, ten, "m2"))},
		}, []string{"m1*", "m2*"}, "02 10:00:00", true, 1},
		{"deleted, and no report of its day", [][]schemas.Document{
			{body, birth, rowsOn(1, line(1, ten, "m1")+","+line(1, eleven, "m2")), messagesDoc(sentOn(1, ten, "m1") + "," + sentOn(1, eleven, "m2"))},
			{messagesDoc(sentOn(1, ten, "m1")), body},
			{messagesDoc(sentOn(1, ten, "m1")), body},
		}, []string{"m1*"}, "01 11:00:00", true, 1},
		{"deleted, in a row without an id", [][]schemas.Document{
			{body, birth, rowsOn(1, line(1, ten, "")), messagesDoc(sentOn(1, ten, "m1"))},
			{messagesDoc(""), body},
		}, nil, "01 10:00:00", true, -1},
		{"deleted, and a newer report of its day", [][]schemas.Document{
			{body, rowsOn(1, line(1, ten, "m1")), messagesDoc(sentOn(1, ten, "m1"))},
			{body, rowsOn(1, ""), messagesDoc("")},
		}, nil, "01 10:00:00", false, 0},
		{"refused", [][]schemas.Document{
			{body, birth, rowsOn(1, line(1, ten, "m1")), messagesDoc(sentOn(1, ten, "m1"))},
			{body, {Kind: kindMessages, ConversationID: "c1", Status: 400}},
		}, []string{"m1*"}, "01 10:00:00", true, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var had []schemas.Document
			for hours, docs := range tt.readings {
				docs = readAt(hours, slices.Clone(docs)...)
				kept, err := keeper{}.Keep(had, docs)
				if err != nil {
					t.Fatal(err)
				}
				had = slices.Concat(docs, kept)
				places := map[string]bool{}
				for _, doc := range had {
					place := fmt.Sprint(doc.Kind, doc.Sequence)
					if places[place] && doc.Kind != kindMessages {
						t.Errorf("two documents are %s", place)
					}
					places[place] = true
				}
			}
			thread, err := mapper().Thread(had)
			if err != nil {
				t.Fatal(err)
			}
			var messages []string
			for _, m := range thread.Messages {
				mark := ""
				if m.Attributes["detailed_message_type"] != nil {
					mark = "*"
				}
				messages = append(messages, m.MessageID+mark)
			}
			c := thread.Conversation
			if diff := cmp.Diff(tt.messages, messages); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
			if source := time.UnixMicro(*c.SourceVersion).UTC().Format("02 15:04:05"); source != tt.source {
				t.Errorf("source version %s, want %s", source, tt.source)
			}
			if agent := c.Attributes["created.agent_name"] != nil; agent != tt.agent {
				t.Errorf("the row about the creation is there: %t, want %t", agent, tt.agent)
			}
			if stated := c.StatedMessages; tt.stated < 0 != (stated == nil) || stated != nil && *stated != tt.stated {
				t.Errorf("stated messages %v, want %d", stated, tt.stated)
			}
			again, err := keeper{}.Keep(had, had)
			if rows, mapErr := mapper().Thread(slices.Concat(had, again)); err != nil || mapErr != nil || cmp.Diff(thread, rows) != "" {
				t.Errorf("kept once more, the rows are others: %v %v\n%s", err, mapErr, cmp.Diff(thread, rows))
			}
		})
	}
}

// TestAdds: a report adds a row of a time of which the lake has no transcript, and the row about the creation.
func TestAdds(t *testing.T) {
	had := readAt(0, body, rowsOn(1, line(1, "10:00:00", "m1")), messagesDoc(sentOn(1, "10:00:00", "m1")))
	for _, tt := range []struct {
		name   string
		listed []schemas.Document
		adds   bool
	}{
		{"nothing", []schemas.Document{body}, false},
		{"the same row", []schemas.Document{rowsOn(1, line(1, "10:00:00", "m1"))}, false},
		{"no row", []schemas.Document{rowsOn(2, "")}, false},
		{"a row of another day", []schemas.Document{rowsOn(2, line(2, "10:00:00", "m2"))}, true},
		{"the creation", []schemas.Document{birth}, true},
		{"that it was opened again", []schemas.Document{reopens}, false},
	} {
		if adds, err := (keeper{}).Adds(had, readAt(1, tt.listed...)); err != nil || adds != tt.adds {
			t.Errorf("%s: %t, %v; want %t", tt.name, adds, err, tt.adds)
		}
	}
}

// TestKeepJoinsReadings: whichever of two readings is the later one, what is kept completes the rows of their transcripts, except those of
// deleted messages. Kept once, nothing is kept any more: otherwise no shard could take the place of another one.
func TestKeepJoinsReadings(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	some := func(hours int) []schemas.Document {
		docs := []schemas.Document{body}
		if dice.IntN(3) == 0 {
			docs = append(docs, birth)
		}
		if dice.IntN(3) == 0 {
			docs = append(docs, reopens)
		}
		for day := 1; day <= 3; day++ {
			var rows, sent []string
			for hour := 8; hour < 11; hour++ {
				id, clock := fmt.Sprintf("m%d-%d", day, hour), fmt.Sprintf("%02d:00:00", hour)
				if dice.IntN(2) == 0 {
					sent = append(sent, sentOn(day, clock, id))
				}
				if dice.IntN(4) == 0 {
					id = ""
				}
				switch dice.IntN(8) {
				case 0, 1, 2:
					rows = append(rows, line(day, clock, id))
				case 3: // it is of another day than its report
					rows = append(rows, line(day+1, clock, fmt.Sprintf("m%d-%d", day+1, hour)))
				}
				if dice.IntN(8) == 0 {
					rows = append(rows, `{"actor_id":"u","message":"said at no time"}`)
				}
			}
			if dice.IntN(2) == 0 {
				docs = append(docs, rowsOn(day, strings.Join(rows, ",")))
			}
			if dice.IntN(2) == 0 {
				docs = append(docs, messagesDoc(strings.Join(sent, ",")))
			}
		}
		return readAt(hours, slices.Clone(docs)...)
	}
	for n := range 3000 {
		had, read := some(dice.IntN(2)), some(dice.IntN(2))
		kept, err := keeper{}.Keep(had, read)
		if err != nil {
			t.Fatal(err)
		}
		all := slices.Concat(read, kept)
		if again, err := (keeper{}).Keep(had, all); err != nil || len(again) > 0 {
			t.Fatalf("%d: kept once more, %v:\n%s\nof\n%s\nbeside\n%s", n, err, texts(again), texts(had), texts(all))
		}
		got, before, now := keysOf(sourcesOf(t, all).transcript), sourcesOf(t, had), sourcesOf(t, read)
		deleted := now.deletedSince(before)
		for _, l := range sourcesOf(t, slices.Concat(read, had)).transcript {
			gone := slices.ContainsFunc(before.transcript, func(b reportRow) bool { return b.key() == l.key() && deleted[b.place] })
			if !got[l.key()] && !gone {
				t.Fatalf("%d: %s is lost of\n%s\nbeside\n%s", n, l.key(), texts(had), texts(all))
			}
		}
	}
}

func sourcesOf(t *testing.T, docs []schemas.Document) *sources {
	t.Helper()
	s, err := gatherSources(docs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func texts(docs []schemas.Document) string {
	var lines []string
	for _, doc := range docs {
		lines = append(lines, doc.Kind+" "+string(doc.Body))
	}
	return strings.Join(lines, "\n")
}
