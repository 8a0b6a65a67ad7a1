package liveperson

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// message is one message as sent, with the fields that order it.
type message struct {
	id     string
	at     *time.Time
	seq    *int64
	fields object
	data   object
}

// messages maps messages, sorted by time and then by their numbers, which restart in every dialog.
func (m *mapper) messages(records []object) {
	var all []message
	for i, o := range records {
		msg := message{at: m.when(o, "time"), seq: o.integer("seq"), data: dataOf(o), fields: o}
		msg.id = o.word("messageId")
		if msg.id == "" {
			msg.id = fmt.Sprintf("%s/%s", cmp.Or(o.peek("dialogId"), m.id), numberOr(msg.seq, i))
		}
		known, twice := m.places[msg.id]
		if twice && !sameDialog(all[known].fields, o) {
			// The older form of ids does not name the dialog, and numbers may restart in each.
			msg.id += "@" + o.peek("dialogId")
			known, twice = m.places[msg.id]
		}
		if twice {
			all[known] = msg
			continue
		}
		m.places[msg.id] = len(all)
		all = append(all, msg)
	}
	slices.SortStableFunc(all, compareMessages)
	for i, msg := range all {
		m.places[msg.id] = i
		m.Messages = append(m.Messages, m.message(msg, int64(i)))
	}
}

// dataOf takes the content of a message. Rich content and quick replies may also be next to it. Seen in
// LivePersonInc/node-agent-sdk: quickReplies next to a message.
func dataOf(o object) object {
	data := o.object("messageData")
	for _, name := range []string{"richContent", "quickReplies"} {
		if o.has(name) && !data.has(name) {
			if data == nil {
				data = object{}
			}
			data[name] = o.take(name)
		}
	}
	return data
}

// sameDialog reports whether two messages may belong to the same dialog.
func sameDialog(x, y object) bool {
	a, b := x.peek("dialogId"), y.peek("dialogId")
	return a == b || a == "" || b == ""
}

func compareMessages(x, y message) int {
	if c := wire.CompareTimes(x.at, y.at); c != 0 || x.seq == nil || y.seq == nil {
		return c
	}
	return cmp.Compare(*x.seq, *y.seq)
}

func numberOr(n *int64, i int) string {
	if n == nil {
		return "#" + strconv.Itoa(i)
	}
	return strconv.FormatInt(*n, 10)
}

func (m *mapper) message(msg message, sequence int64) schemas.Message {
	o := msg.fields
	row := schemas.Message{
		ConversationID: m.id,
		MessageID:      msg.id,
		ObservedAt:     m.at,
		Sequence:       sequence,
		CreatedAt:      msg.at,
		AuthorID:       o.value("participantId"),
		ContentType:    o.value("type"),
	}
	audience := o.word("audience")
	m.setAuthor(&row, o.word("sentBy"), audience)
	all := attributes{}
	if msg.seq != nil {
		all.put("seq", strconv.FormatInt(*msg.seq, 10))
	}
	all.put("audience", audience)
	all.rest("", o)
	m.content(&row, msg.data, all)
	row.Attributes = all.rows()
	if row.Kind == "activity" {
		m.addSystemEvent(row)
	}
	return row
}

// addSystemEvent adds the event for a message that the system wrote for the brand.
func (m *mapper) addSystemEvent(row schemas.Message) {
	const kind = "system_message"
	m.Events = append(m.Events, schemas.Event{
		ConversationID: m.id, EventID: m.unique(kind + ":" + row.MessageID), ObservedAt: m.at, Kind: kind, CreatedAt: row.CreatedAt,
		ActorID: row.AuthorID, ActorType: row.AuthorType, MessageID: &row.MessageID, Text: row.Text,
	})
}
