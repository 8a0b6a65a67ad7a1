package freshchat

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// table is a report: a header, and rows with cells in the order of the header.
type table struct {
	header []string
	rows   [][]string
}

// file is a table as sent.
func (s *Site) file(j *job, t table) []byte {
	if s.options.Reports.Untidy {
		t = t.untidy(j.number)
	}
	if s.options.Reports.Plain {
		if len(t.rows) == 0 && j.number%2 == 0 {
			return nil
		}
		return t.csv(t.rows)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	write := func(name string, content []byte) {
		f, err := z.Create(name)
		if err == nil {
			_, err = f.Write(content)
		}
		if err != nil {
			panic(err)
		}
	}
	switch half := len(t.rows) / 2; {
	case len(t.rows) == 0 && j.number%3 == 0: // nothing in it
	case len(t.rows) == 0 && j.number%3 == 1:
		write(j.event+".csv", nil)
	case len(t.rows) < 4:
		write(j.event+".csv", t.csv(t.rows))
	case j.number%2 == 0: // two files, each with a header
		write(j.event+"-1.csv", t.csv(t.rows[:half]))
		write(j.event+"-2.csv", t.csv(t.rows[half:]))
	default: // two files, concatenated
		write(j.event+".csv", slices.Concat(t.csv(t.rows[:half]), t.csv(t.rows[half:])))
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func (t table) csv(rows [][]string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(append([][]string{t.header}, rows...)); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// untidy reverses the columns, and writes their names in another case.
func (t table) untidy(by int) table {
	n := len(t.header)
	turned := table{}
	for i := range n {
		turned.header = append(turned.header, strings.ToUpper(t.header[(i+by)%n]))
	}
	for _, row := range t.rows {
		var cells []string
		for i := range n {
			cells = append(cells, row[(i+by)%n])
		}
		turned.rows = append(turned.rows, cells)
	}
	return turned
}

var transcriptHeader = []string{
	"conversation_id", "message_id", "message_type", "detailed_message_type", "message_source", "message_parts", "created_time",
	"actor_type", "actor_id", "actor_email", "actor_first_name", "actor_last_name", "channel_id", "channel_name",
	"conversation_url", "customer_id", "reference_id",
}

// table is a report over [from, to].
func (s *Site) table(event string, from, to time.Time) table {
	in := func(at time.Time) bool { return !at.Before(from) && !at.After(to) }
	if event == "Chat-Transcript" {
		return s.transcript(from, to, in)
	}
	t := table{header: reportHeaders[event]}
	if event == "Agent-Activity" || event == "Agent-Intelliassign-Activity" {
		for _, h := range s.shifts(event) {
			if in(h.at) {
				t.rows = append(t.rows, h.cells(t.header))
			}
		}
		return t
	}
	for i := range s.len() {
		if !s.hasChanged(i) {
			created := s.corpus.CreatedAt(i)
			if created.After(to) || max(s.spans[i].to, created.UnixMilli())+int64(maxDelay/time.Millisecond) < from.UnixMilli() {
				continue
			}
		}
		for _, h := range s.rowsOf(i, event) {
			if in(h.at) {
				t.rows = append(t.rows, h.cells(t.header))
			}
		}
	}
	return t
}

func (s *Site) transcript(from, to time.Time, in func(time.Time) bool) table {
	t := table{header: transcriptHeader}
	for i := range s.len() {
		if !s.hasChanged(i) {
			if span := s.spans[i]; span.to < from.UnixMilli() || span.from > to.UnixMilli() || span.to == 0 {
				continue
			}
		}
		thread, ok := s.at(i)
		if !ok {
			continue
		}
		for _, u := range s.sentMessages(thread) {
			if in(u.at) && s.inTranscript(u) {
				t.rows = append(t.rows, s.row(u))
			}
		}
	}
	return t
}

// nameless reports whether a row of the transcript has no id.
func (u sent) nameless() bool { return u.ID%47 == 0 }

// row is a message in the transcript.
func (s *Site) row(u sent) []string {
	parts, _ := contents(u.Message)
	id := u.id
	if u.nameless() {
		id = ""
	}
	p := s.actor(u)
	channel, _ := s.corpus.ChannelByID(u.conversation.ChannelID)
	actorType := u.actorType
	if u.ID%2 == 0 {
		actorType = strings.ToUpper(actorType)
	}
	return []string{
		u.conversation.UUID, id, u.kind, u.detailed, u.source, string(encode(wires(parts))), stamp(u.at), actorType, u.actor,
		p.email, p.first, p.last, uuid(ofChannel, channel.ID), channel.Name, inboxURL(u.conversation.Outline),
		uuid(ofUser, u.conversation.PersonID), "",
	}
}

// named is the platform's name for an actor.
type named struct{ first, last, email string }

// actor is who wrote a message; nobody if the user or agent was deleted.
func (s *Site) actor(u sent) named {
	switch u.actorType {
	case "user":
		if s.hasUser(u.conversation.PersonID) {
			p, _ := s.corpus.PersonByID(u.conversation.PersonID)
			first, last := names(p.Name)
			return named{first, last, p.Email}
		}
	case "agent":
		if a, ok := s.corpus.AgentByID(u.Author.ID); ok {
			first, last := names(a.Name)
			return named{first, last, a.Email}
		}
	case "bot":
		b, _ := s.corpus.BotByID(u.Author.ID)
		return named{first: b.Name}
	case "system":
		return named{first: "System", last: strconv.FormatInt(1+u.ID%systemUsers, 10)}
	}
	return named{}
}

// reportRow is one row of a report.
type reportRow struct {
	at            time.Time
	cellsByColumn map[string]string
	about         simulator.Outline
}

func (h reportRow) cells(header []string) []string {
	row := make([]string, len(header))
	for i, name := range header {
		row[i] = h.cellsByColumn[name]
	}
	return row
}

// maxDelay is how long after a conversation's last message a report may still mention it.
const maxDelay = 21 * 24 * time.Hour

var reportHeaders = map[string][]string{
	"Conversation-Created":          {"conversation_id", "created_at", "channel_id", "channel_name", "group_id", "group_name", "agent_id", "agent_name", "reopened", "conversation_url"},
	"Conversation-Resolved":         {"conversation_id", "created_at", "channel_id", "agent_id", "agent_name"},
	"Conversation-Agent-Assigned":   {"interaction_id", "created_at", "agent_id", "agent_name"},
	"Conversation-Group-Assigned":   {"conversation_id", "created_at", "group_id", "group_name"},
	"First-Response-Time":           {"conversation_id", "created_at", "value_in_seconds", "agent_id"},
	"Response-Time":                 {"conversation_id", "created_at", "value_in_seconds", "agent_id"},
	"Resolution-Time":               {"conversation_id", "created_at", "value_in_seconds", "agent_id"},
	"Conversation-Resolution-Label": {"conversation_id", "created_at", "label_category_name", "abel_sub_category_name", "agent_id", "agent_name"},
	"CSAT-Score":                    {"conversation_id", "value", "csat_rated_at", "csat_id", "comment", "agent_id", "agent_name"},
	"Message-Sent":                  {"conversation_id", "message_id", "created_at", "agent_id"},
	"Agent-Activity":                {"agent_id", "agent_name", "activity", "created_at"},
	"Agent-Intelliassign-Activity":  {"agent_id", "agent_name", "intelliassign", "created_at"},
}

// shifts are the rows of reports about agents: every agent is active once a week.
func (s *Site) shifts(event string) []reportRow {
	var all []reportRow
	column := map[string]string{"Agent-Activity": "activity", "Agent-Intelliassign-Activity": "intelliassign"}[event]
	for _, a := range s.corpus.Agents() {
		for at := s.corpus.Config().From.Add(time.Duration(bits.Reverse8(uint8(a.ID))) * time.Minute); at.Before(s.corpus.Config().To); at = at.AddDate(0, 0, 7) {
			all = append(all, reportRow{at: at, cellsByColumn: map[string]string{
				"agent_id": uuid(ofAgent, a.ID), "agent_name": a.Name, column: "ACTIVE", "created_at": stamp(at),
			}})
		}
	}
	return all
}
