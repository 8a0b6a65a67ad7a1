package simulator

import "time"

// Attribute is one free-form attribute. Its value is nil, a string, bool, int64 or float64, Attributes (an object) or []any
// (a list).
type Attribute struct {
	Key   string
	Value any
}

// Attributes are free-form attributes in a fixed order.
type Attributes []Attribute

// Person is somebody who writes to the account. An anonymous one has no e-mail, phone or identifier.
type Person struct {
	ID             int64
	Name           string
	Email          string
	Phone          string
	Identifier     string
	Online         bool
	Blocked        bool
	CreatedAt      time.Time
	LastActivityAt time.Time
	Custom         Attributes // defined by the account
	Additional     Attributes // collected by the platform
}

// Identified reports whether the person can be recognized again.
func (p Person) Identified() bool { return p.Email != "" || p.Phone != "" || p.Identifier != "" }

// Agent is a person who answers.
type Agent struct {
	ID            int64
	Name          string
	DisplayName   string
	Email         string
	Availability  string // online, busy or offline
	Confirmed     bool
	AutoOffline   bool
	Administrator bool
}

// Bot is a program that answers. Bots and agents have separate id sequences, so a bot and an agent may have the same id.
type Bot struct {
	ID          int64
	Name        string
	Description string
	Assistant   bool // answers by itself and is never assigned
}

// Group is a team of agents.
type Group struct {
	ID          int64
	Name        string
	Description string
	AutoAssign  bool
}

// ChannelKind is the kind of a channel.
type ChannelKind string

const (
	Web      ChannelKind = "web"
	Email    ChannelKind = "email"
	API      ChannelKind = "api"
	WhatsApp ChannelKind = "whatsapp"
	SMS      ChannelKind = "sms"
	Telegram ChannelKind = "telegram"
)

// Channel is a way to write to the account.
type Channel struct {
	ID      int64
	Kind    ChannelKind
	Name    string
	Address string // web site, mailbox or phone number
}

// Label is a tag for conversations.
type Label struct {
	ID          int64
	Title       string
	Description string
	Color       string
	InSidebar   bool
}

// Field is the definition of a custom attribute.
type Field struct {
	ID          int64
	Key         string
	Name        string
	Type        string // text, number, list, date, checkbox or link
	OfPerson    bool   // otherwise of a conversation
	Description string
	Pattern     string
	Choices     []string
	CreatedAt   time.Time
}

// ActorKind is the kind of an actor.
type ActorKind uint8

const (
	Nobody ActorKind = iota
	ByPerson
	ByAgent
	ByBot
)

// Actor is whoever wrote or did something.
type Actor struct {
	Kind ActorKind
	ID   int64
}

// State is the state of a conversation.
type State string

const (
	Open    State = "open"
	Closed  State = "closed"
	Pending State = "pending"
	Snoozed State = "snoozed"
)

// Survey is the progress of a rating survey.
type Survey uint8

const (
	NotAsked Survey = iota
	Asked
	Answered
)

// Outline is the part of a conversation that is cheap to compute.
type Outline struct {
	Number         int64
	CreatedAt      time.Time
	LastActivityAt time.Time
	UpdatedAt      time.Time // in microseconds
	State          State
	Priority       string // low, medium, high, urgent or empty
	ChannelID      int64
	GroupID        int64 // 0 means none
	PersonID       int64
	Assignee       Actor
	Survey         Survey
	Messages       int
}

// Conversation is everything of a conversation except its messages.
type Conversation struct {
	Outline
	UUID          string
	Tags          []string
	Custom        Attributes
	Additional    Attributes
	Participants  []int64 // agents who follow it
	FirstReplyAt  time.Time
	WaitingSince  time.Time
	SnoozedUntil  time.Time
	AgentSeenAt   time.Time
	PersonSeenAt  time.Time
	Unread        int
	Muted         bool
	CanReply      bool
	Authenticated bool // the person's identity was verified
}

// MessageKind is the kind of a message.
type MessageKind uint8

const (
	In       MessageKind = iota // from the person
	Out                         // to the person
	Note                        // among agents
	Activity                    // written by the platform about an action
	Template                    // sent by the platform to the person
)

// Message is one message of a conversation.
type Message struct {
	ID          int64
	CreatedAt   time.Time
	Kind        MessageKind
	Author      Actor
	Text        *string
	ContentType string // text, email, survey, select, form, cards, article or sticker
	Delivery    string // sent, delivered, read or failed
	ExternalID  string
	ReplyTo     int64
	Deleted     bool // its text and files are gone
	Imported    bool // CreatedAt came from outside and is not in the order of ids
	Survey      Survey
	Rating      int
	Comment     string
	Mail        *Mail
	Items       []Item
	Files       []File
}

// Mail is the fields that only an e-mail has.
type Mail struct {
	Subject string
	HTML    string
	Text    string
}

// Item is one choice, field or card of a message.
type Item struct {
	Title, Value, Description string
}

// File is something attached to a message.
type File struct {
	ID        int64
	Kind      string // image, audio, video, file, location, contact, share or fallback
	Name      string // with extension; empty for attachments without bytes
	MediaType string
	Bytes     int64
	Width     int64
	Height    int64
	Title     string
	Lat, Long float64
	Spoken    string // transcript of an audio file
}
