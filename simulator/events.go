package simulator

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Clock is a settable clock. It is safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock returns a clock that stands at a time.
func NewClock(at time.Time) *Clock { return &Clock{at: at.UTC()} }

// Now is the time at which the clock stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Set sets the clock. It may also go back.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at.UTC()
}

// EventKind is a kind of event.
type EventKind uint8

// What can happen to a conversation.
const (
	Begins    EventKind = iota // a new conversation with one message of the person
	Replies                    // a new message
	Edits                      // the text of a message changes
	Retracts                   // a message is deleted
	Rates                      // the person answers the survey, or answers it again
	Delivers                   // the delivery state of a message changes
	Closes                     // the conversation is closed
	Reopens                    // the person writes into a closed conversation
	Labels                     // a tag comes or goes
	Annotates                  // a custom attribute changes
	Vanishes                   // the conversation is deleted
	Purges                     // all texts and files of the conversation disappear
	eventKinds
)

func (k EventKind) String() string {
	return [...]string{"begins", "replies", "edits", "retracts", "rates", "delivers", "closes", "reopens", "labels", "annotates", "vanishes", "purges"}[k]
}

// Event is something that happens to a conversation.
type Event struct {
	At     time.Time // in microseconds
	Kind   EventKind
	Number int64  // of the conversation
	Seed   uint64 // decides everything else
}

// Living is the account of a platform whose world changes while it serves. Its clock is the one that it was made with.
type Living interface {
	http.Handler
	// Happen lets an event happen, at the time of the event and whatever the clock says. It returns false if the event cannot happen
	// to the conversation as it is, for example because the conversation is deleted.
	Happen(Event) bool
	// ID returns the platform's id of the conversation with a number, and false if it does not exist (any more).
	ID(number int64) (string, bool)
}

// ScriptConfig says which events a script has.
type ScriptConfig struct {
	Seed     uint64
	From, To time.Time // of the events: [From, To)
	Events   int
	Kinds    []EventKind // all if nil
	// Recent is how many of the newest conversations get half of the events; 0 means 50.
	Recent int
}

// Script returns events in the order of their times. Some of them share a second, some a conversation. The numbers of new
// conversations continue those of the corpus, so a site must have no other new conversations.
func (c *Corpus) Script(config ScriptConfig) []Event {
	span := config.To.Sub(config.From).Microseconds()
	if span <= 0 || config.Events < 0 {
		panic(fmt.Sprintf("simulator: %d events from %s to %s", config.Events, config.From, config.To))
	}
	kinds := config.Kinds
	if kinds == nil {
		// The weights: mostly messages.
		for k, n := range [eventKinds]int{Begins: 5, Replies: 10, Edits: 2, Retracts: 2, Rates: 3, Delivers: 2, Closes: 3, Reopens: 2, Labels: 2, Annotates: 2, Vanishes: 1, Purges: 1} {
			kinds = append(kinds, slices.Repeat([]EventKind{EventKind(k)}, n)...)
		}
	}
	recent := int64(cmp.Or(config.Recent, 50))
	d := newDice(config.Seed, streamScript, 0, 0)
	times := make([]int64, config.Events)
	for i := range times {
		times[i] = int64(d.unit() * float64(span))
	}
	slices.Sort(times)
	events := make([]Event, config.Events)
	next := c.NextNumber()
	for i := range events {
		if i > 0 && d.oneIn(6) { // in the same second as the one before
			second := config.From.Add(time.Duration(times[i-1]) * time.Microsecond).Truncate(time.Second)
			last := min(second.Add(time.Second).Sub(config.From).Microseconds(), span) - 1
			times[i] = times[i-1] + int64(d.unit()*float64(last-times[i-1]))
		}
		times[i] = max(times[i], times[max(0, i-1)])
		e := Event{At: config.From.Add(time.Duration(times[i]) * time.Microsecond).UTC().Truncate(time.Microsecond), Kind: choose(&d, kinds), Seed: d.next()}
		switch {
		case e.Kind == Begins:
			e.Number = next
			next++
		case i > 0 && d.oneIn(8):
			e.Number = events[i-1].Number
		case d.oneIn(2):
			e.Number = max(1, next-1-int64(d.below(int(min(recent, next-1)))))
		default:
			e.Number = 1 + int64(d.below(int(next-1)))
		}
		events[i] = e
	}
	return events
}

// New returns the conversation that begins, without a number, and its message, without an id.
func (e Event) New(c *Corpus) (Conversation, Message) {
	d := newDice(e.Seed, streamEvent, int(e.Kind), 0)
	at := e.At.Truncate(time.Second)
	conv := Conversation{Outline: Outline{
		CreatedAt: at, LastActivityAt: at, UpdatedAt: e.At, State: Open, ChannelID: choose(&d, c.channels).ID, PersonID: c.Person(d.below(c.People())).ID,
	}, UUID: uuid(&d), CanReply: true, Unread: 1}
	return conv, Message{CreatedAt: at, Kind: In, Author: Actor{ByPerson, conv.PersonID}, Text: new(c.mark(say(&d), "text")), ContentType: "text", Delivery: "sent"}
}

// Apply returns a conversation as it is after the event, and false if the event cannot happen to it or begins or deletes one. A new
// message gets its id from nextID. UpdatedAt is the time of the event; a platform that hides this event keeps the old time.
func (e Event) Apply(c *Corpus, t Thread, nextID func() int64) (Thread, bool) {
	d := newDice(e.Seed, streamEvent, int(e.Kind), 0)
	conv, all := t.Conversation, t.All()
	conv.UpdatedAt = e.At
	ok := false
	switch e.Kind {
	case Replies, Closes, Reopens:
		ok = e.speak(c, &d, &conv, &all, nextID)
	case Rates:
		ok = e.rate(&d, &conv, all)
	case Edits, Retracts, Delivers:
		ok = e.touch(c, &d, all)
	case Labels:
		conv.Tags, ok = slices.Clone(conv.Tags), true
		label := choose(&d, c.labels).Title
		if i := slices.Index(conv.Tags, label); i >= 0 {
			conv.Tags = slices.Delete(conv.Tags, i, i+1)
		} else {
			conv.Tags = append(conv.Tags, label)
		}
	case Annotates:
		custom := slices.DeleteFunc(slices.Clone(conv.Custom), func(a Attribute) bool { return a.Key == "order_id" })
		conv.Custom, ok = append(custom, Attribute{"order_id", fmt.Sprintf("O-%d", d.next())}), true
		c.markAttributes(conv.Custom[len(conv.Custom)-1:])
	case Purges:
		conv.Survey = NotAsked
		for i := range all {
			ok = ok || !all[i].Deleted
			all[i].Text, all[i].Mail, all[i].Items, all[i].Files, all[i].Deleted = nil, nil, nil, nil, true
			all[i].ContentType, all[i].Survey, all[i].Rating, all[i].Comment = "text", NotAsked, 0, ""
		}
	}
	return NewThread(conv, all), ok
}

// speak adds a message, and closes or reopens the conversation.
func (e Event) speak(c *Corpus, d *dice, conv *Conversation, all *[]Message, nextID func() int64) bool {
	kind, author := In, Actor{ByPerson, conv.PersonID}
	switch {
	case e.Kind == Closes && conv.State == Closed, e.Kind == Reopens && conv.State != Closed:
		return false
	case e.Kind == Closes || e.Kind == Replies && d.oneIn(2):
		kind, author = Out, Actor{ByAgent, choose(d, c.agents).ID}
	}
	if e.Kind == Closes {
		conv.State, conv.Unread, conv.WaitingSince = Closed, 0, time.Time{}
	} else if conv.State == Closed && kind == In {
		conv.State = Open
	}
	m := Message{
		ID: nextID(), CreatedAt: e.At.Truncate(time.Second), Kind: kind, Author: author,
		Text: new(c.mark(say(d), "text")), ContentType: "text", Delivery: "sent",
	}
	conv.LastActivityAt = m.CreatedAt
	*all = append(*all, m)
	return true
}

// rate answers the survey of a conversation that has one.
func (e Event) rate(d *dice, conv *Conversation, all []Message) bool {
	j := slices.IndexFunc(all, func(m Message) bool { return m.Survey != NotAsked && !m.Deleted })
	if j < 0 {
		return false
	}
	conv.Survey = Answered
	all[j].Survey, all[j].Rating = Answered, 1+(all[j].Rating+d.below(4))%5
	return true
}

// touch changes one message.
func (e Event) touch(c *Corpus, d *dice, all []Message) bool {
	var fit []int
	for j, m := range all {
		spoken := (m.Kind == In || m.Kind == Out) && !m.Deleted && m.Survey == NotAsked
		if spoken && (e.Kind != Edits || m.Text != nil && m.Mail == nil) && (e.Kind != Delivers || m.Kind == Out && m.Delivery != "read") {
			fit = append(fit, j)
		}
	}
	if len(fit) == 0 {
		return false
	}
	m := &all[choose(d, fit)]
	switch e.Kind {
	case Edits:
		m.Text = new(c.mark(fmt.Sprintf("%s (%d)", say(d), d.next()), "text"))
	case Delivers:
		m.Delivery = "read"
	default:
		*m = Message{
			ID: m.ID, CreatedAt: m.CreatedAt, Kind: m.Kind, Author: m.Author, ContentType: "text", Delivery: m.Delivery,
			ExternalID: m.ExternalID, Imported: m.Imported, Deleted: true,
		}
	}
	return true
}

// Play is a script in progress.
type Play struct {
	Clock *Clock
	Site  Living
	// Before is called before each event, when the clock stands at its time. It may be nil.
	Before func(Event)
	// After is called after each event that happened. It may be nil.
	After   func(Event)
	script  []Event
	changed map[int64]bool // by number
}

// NewPlay returns a play of the events of a script, in their order.
func NewPlay(clock *Clock, site Living, script []Event) *Play {
	return &Play{Clock: clock, Site: site, script: slices.Clone(script), changed: map[int64]bool{}}
}

// Until lets everything happen that happens before a time, and then sets the clock to this time. It returns how many events
// happened.
func (p *Play) Until(at time.Time) (happened int) {
	for len(p.script) > 0 && p.script[0].At.Before(at) {
		e := p.script[0]
		p.script = p.script[1:]
		p.Clock.Set(e.At)
		if p.Before != nil {
			p.Before(e)
		}
		if p.Site.Happen(e) {
			happened++
			p.changed[e.Number] = true
			if p.After != nil {
				p.After(e)
			}
		}
	}
	p.Clock.Set(at)
	return happened
}

// Changed returns the ids of the conversations that an event has happened to and that still exist, in the order of their numbers.
func (p *Play) Changed() (ids []string) {
	for _, n := range slices.Sorted(maps.Keys(p.changed)) {
		if id, ok := p.Site.ID(n); ok {
			ids = append(ids, id)
		}
	}
	return ids
}
