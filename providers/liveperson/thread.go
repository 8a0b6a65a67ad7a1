package liveperson

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// mapping maps documents to rows. It needs no settings.
type mapping struct{}

func openMapper(providers.Settings) (providers.Mapper, error) { return mapping{}, nil }

// Thread maps the documents of one conversation to rows, as described in docs/mapping-liveperson.md.
func (mapping) Thread(docs []schemas.Document) (schemas.Thread, error) {
	return providers.MapThread("conversation", docs, mapThread)
}

func mapThread(docs []schemas.Document) (schemas.Thread, error) {
	for _, doc := range docs {
		if doc.Kind != kindMetadata && providers.IsGone(doc) {
			return providers.GoneThread(doc), nil
		}
	}
	if record, ok := latest(docs, kindRecord); ok {
		return mapRecord(record)
	}
	if metadata, ok := latest(docs, kindMetadata); ok {
		content, _ := latest(docs, kindContent)
		return mapConsumer(metadata, content)
	}
	return schemas.Thread{}, errors.New("the conversation itself is not among them")
}

// latest returns the document of a kind that was observed last.
func latest(docs []schemas.Document, kind string) (schemas.Document, bool) {
	var best schemas.Document
	for _, doc := range docs {
		if doc.Kind == kind && doc.Status == http.StatusOK && (best.Kind == "" || doc.ObservedAt.After(best.ObservedAt)) {
			best = doc
		}
	}
	return best, best.Kind != ""
}

// mapper collects the rows of one conversation.
type mapper struct {
	schemas.Thread
	id         string
	at         time.Time            // when the document was observed
	newest     time.Time            // the newest of all times in rows
	events     map[string]bool      // ids
	places     map[string]int       // indexes of messages, by id
	deliveries map[string]*delivery // by message id
	people     map[string]person
	history    history
}

func newMapper(doc schemas.Document) *mapper {
	return &mapper{
		id: doc.ConversationID, at: doc.ObservedAt,
		events: map[string]bool{}, places: map[string]int{}, deliveries: map[string]*delivery{}, people: map[string]person{},
	}
}

// when takes a time and remembers the newest.
func (m *mapper) when(o object, name string) *time.Time {
	t := o.moment(name)
	if t != nil && t.After(m.newest) {
		m.newest = *t
	}
	return t
}

// mapRecord maps a record of the account's API.
func mapRecord(doc schemas.Document) (schemas.Thread, error) {
	o, err := decodeObject(doc.Body)
	if err != nil {
		return schemas.Thread{}, fmt.Errorf("%s: %w", doc.Kind, err)
	}
	m := newMapper(doc)
	info := asObject(o["info"])
	if m.id == "" {
		m.id = info.peek("conversationId")
	}
	scores, statuses := o["messageScores"], o["messageStatuses"]
	m.collectPeople(o)
	m.history = readHistory(o)
	m.messages(o.list("messageRecords"))
	m.participants(o)
	m.surveys(o, info)
	for _, kind := range eventKinds {
		m.addEvents(kind, o)
	}
	m.conversation(o, info)
	m.partial(scores, statuses)
	return m.finish(), nil
}

// finish sorts rows whose order the platform does not define.
func (m *mapper) finish() schemas.Thread {
	slices.SortStableFunc(m.Events, func(x, y schemas.Event) int {
		return cmp.Or(wire.CompareTimes(x.CreatedAt, y.CreatedAt), strings.Compare(x.EventID, y.EventID))
	})
	for i := range m.Participants {
		m.Participants[i].Attributes = attributes(m.Participants[i].Attributes).rows()
	}
	if m.Conversation.SourceVersion == nil && !m.newest.IsZero() {
		version := m.newest.UnixMicro()
		m.Conversation.SourceVersion = &version
	}
	if n := len(m.Messages); n > 0 {
		m.Conversation.LastActivityAt = m.Messages[n-1].CreatedAt
	}
	return m.Thread
}

// conversation maps info and everything that occurs once.
func (m *mapper) conversation(o, info object) {
	all := attributes{}
	o.object("info")
	c := schemas.Conversation{
		ConversationID: m.id,
		ObservedAt:     m.at,
		Status:         info.value("status"),
		ChannelType:    info.value("source"),
		CreatedAt:      m.when(info, "startTime"),
		ContactID:      m.contact(),
		AssigneeID:     info.value("latestAgentId"),
		GroupID:        info.value("latestSkillId"),
		Language:       info.value("language"),
	}
	c.State = state(c.Status)
	ended, whole := m.when(info, "endTime"), m.when(info, "fullDialogEndTime")
	c.ClosedAt = cmp.Or(m.when(info, "conversationEndTime"), ended)
	putTime(all, "endTime", ended)
	putTime(all, "fullDialogEndTime", whole)
	if c.UpdatedAt = m.when(info, "lastUpdateTime"); c.UpdatedAt != nil {
		version := c.UpdatedAt.UnixMicro()
		c.SourceVersion = &version
	}
	if info.truth("isPartial") {
		yes := "true"
		all["is_partial"] = &yes
	}
	info.take("conversationId")
	duration := info.take("duration")
	if c.ClosedAt != nil && stringOf(c.Status) != "OPEN" {
		all.put("duration", duration) // for an open conversation it is the time until the request
	}
	all.rest("", info)
	monitoring := o.object("monitoring")
	c.SourceURL = monitoring.value("conversationStartPage")
	all.rest("monitoring.", monitoring)
	all.rest("campaign.", o.object("campaign"))
	summary := o.object("summary")
	if text := summary.text("text"); text != nil {
		all["summary.text"] = text
	}
	putTime(all, "summary.lastUpdatedTime", m.when(summary, "lastUpdatedTime"))
	all.rest("summary.", summary)
	all.rest("responseTime.", o.object("responseTime"))
	o.take("conversationId")
	leftovers(all, o)
	c.Attributes = all.rows()
	m.Conversation = c
}

// leftovers keeps all unknown members of a record, except empty lists and objects. A name that info also has gets the prefix
// "record.".
func leftovers(all attributes, o object) {
	for name, v := range o {
		if s := textOf(v); s == nil || *s == "[]" || *s == "{}" {
			continue
		}
		if all[name] != nil {
			all.put("record."+name, v)
		} else {
			all.put(name, v)
		}
	}
}

func putTime(all attributes, name string, t *time.Time) {
	if t != nil {
		s := t.Format("2006-01-02T15:04:05.999999Z07:00")
		all[name] = &s
	}
}

func state(status *string) *string {
	var s string
	switch stringOf(status) {
	case "OPEN":
		s = "open"
	case "CLOSE":
		s = "closed"
	default:
		return nil
	}
	return &s
}

// contact returns the first consumer.
func (m *mapper) contact() *string {
	for _, p := range m.Participants {
		if p.Type == typeContact {
			id := p.ParticipantID
			return &id
		}
	}
	return nil
}

// partial sets the minimum number of messages of a truncated record: those that are referred to, and at least one more than it
// contains.
func (m *mapper) partial(spokenOf ...any) {
	if m.Conversation.Attributes["is_partial"] == nil {
		return
	}
	ids := map[string]bool{}
	for _, msg := range m.Messages {
		ids[msg.MessageID] = true
	}
	for _, v := range spokenOf {
		list, _ := v.([]any)
		for _, element := range list {
			if s := valueOf(asObject(element)["messageId"]); s != nil {
				ids[*s] = true
			}
		}
	}
	stated := int64(max(len(ids), len(m.Messages)+1))
	m.Conversation.StatedMessages = &stated
}
