package schemas

import "time"

// Conversation is a row of the table conversations. It exists only if the whole conversation was fetched; otherwise the conversation
// has a row in dead_letters or tombstones.
type Conversation struct {
	ConversationID string // the provider's id as text
	ObservedAt     time.Time
	Subject        *string
	Status         *string // as sent
	State          *string // open, pending, snoozed or closed
	ChannelID      *string
	ChannelName    *string
	ChannelType    *string
	CreatedAt      *time.Time
	UpdatedAt      *time.Time
	FirstReplyAt   *time.Time
	ClosedAt       *time.Time
	LastActivityAt *time.Time
	ContactID      *string
	AssigneeID     *string
	GroupID        *string
	Priority       *string
	Language       *string
	SourceURL      *string
	IsEncrypted    *bool
	StatedMessages *int64 // number of messages according to the provider
	StoredMessages int64  // number of messages in the lake; set when the shard is sealed
	Tags           []string
	Attributes     map[string]*string
	SourceVersion  *int64     // grows with every version at the source (microseconds of its last change), if the source has one
	ContentSHA256  string     // result of Thread.Digest; set when the shard is sealed
	ListedVersion  *string    // how new the conversation is according to the platform's list, if the list shows it
	GoneAt         *time.Time // when the platform was found to no longer have it; the row is its last version
}

// Message is a row of the table messages. Within a conversation, Sequence counts from 0 without gaps, oldest first.
type Message struct {
	ConversationID string
	MessageID      string
	ObservedAt     time.Time
	Sequence       int64
	CreatedAt      *time.Time
	AuthorID       *string
	AuthorType     *string // contact, agent, bot or system
	AuthorName     *string
	Direction      *string // in (from the contact), out (to the contact) or none
	Kind           string  // message, note, activity, template
	IsPrivate      bool
	Text           *string
	HTML           *string
	ContentType    *string // as sent
	ReplyTo        *string // id of the message it answers
	Parts          []Part
	IsDeleted      bool
	DeletedAt      *time.Time
	DeliveryStatus *string // as sent
	Attributes     map[string]*string
}

// Part is one typed piece of a message, in the order sent.
type Part struct {
	Type        string // text, image, file, video, audio, button, quick_reply, collection, template, callback, reference, location, form, or the provider's own word
	Text        *string
	URL         *string
	Name        *string
	ContentType *string
	Bytes       *int64
	Label       *string
	Payload     *string // the members without a column, as JSON
}

// Participant is a row of the table participants: one person or bot in one role in one conversation.
type Participant struct {
	ConversationID string
	ParticipantID  string
	ObservedAt     time.Time
	Type           string // contact, agent, bot, system or unknown
	Role           string // contact, assignee, participant, or the provider's own word
	Name           *string
	Email          *string
	Phone          *string
	JoinedAt       *time.Time
	LeftAt         *time.Time
	Attributes     map[string]*string
}

// Event is a row of the table events: something that happened to a conversation and is not a message.
type Event struct {
	ConversationID string
	EventID        string
	ObservedAt     time.Time
	Kind           string
	CreatedAt      *time.Time
	ActorID        *string
	ActorType      *string
	MessageID      *string
	Text           *string
	Attributes     map[string]*string
}

// Rating is a row of the table ratings: one answered survey.
type Rating struct {
	ConversationID string
	RatingID       string
	ObservedAt     time.Time
	Kind           string // csat, nps, or the provider's own word
	Score          *float64
	Comment        *string
	AskedAt        *time.Time
	AnsweredAt     *time.Time
	MessageID      *string
	AgentID        *string
	ContactID      *string
	Answers        []Answer
}

// Answer is one question of a survey and its answer.
type Answer struct {
	Question *string
	Answer   *string
}

// Attachment is a row of the table attachments: metadata of one file; the bytes are not copied.
type Attachment struct {
	ConversationID string
	AttachmentID   string
	ObservedAt     time.Time
	MessageID      *string
	Kind           string // as sent: image, file, ...
	Name           *string
	ContentType    *string
	Bytes          *int64
	URL            *string
	Width          *int64
	Height         *int64
	CreatedAt      *time.Time
	Attributes     map[string]*string
}

// DeadLetter is a row of the table dead_letters: a conversation that could not be exported, and why. The table documents has those of
// its documents that were fetched. If the conversation is empty, a document of a directory or a report could not be read.
type DeadLetter struct {
	ConversationID string
	ObservedAt     time.Time
	Step           string // FetchMessages, FetchMetadata or SealShard
	ErrorKind      string // a providers.Kind, or Timeout or Panic
	Detail         *string
	Attempts       int64
}

// Tombstone is a row of the table tombstones: a conversation (MessageID nil) or a message that existed once and that the provider no
// longer returns.
type Tombstone struct {
	ConversationID string
	ObservedAt     time.Time
	MessageID      *string
	Reason         string // conversation_not_found, message_deleted
}

// Agent is a row of the directory table agents.
type Agent struct {
	AgentID    string
	ObservedAt time.Time
	Type       string // agent or bot
	Name       *string
	Email      *string
	Role       *string
	Attributes map[string]*string
}

// Contact is a row of the directory table contacts.
type Contact struct {
	ContactID      string
	ObservedAt     time.Time
	Name           *string
	Email          *string
	Phone          *string
	Identifier     *string
	CreatedAt      *time.Time
	LastActivityAt *time.Time
	Attributes     map[string]*string
}

// Group is a row of the directory table groups (teams, skills, departments).
type Group struct {
	GroupID     string
	ObservedAt  time.Time
	Name        *string
	Description *string
	Attributes  map[string]*string
}

// Channel is a row of the directory table channels (inboxes, rooms).
type Channel struct {
	ChannelID  string
	ObservedAt time.Time
	Name       *string
	Type       *string
	Attributes map[string]*string
}

// Label is a row of the directory table labels.
type Label struct {
	LabelID     string
	ObservedAt  time.Time
	Title       *string
	Description *string
	Color       *string
	Attributes  map[string]*string
}

// Field is a row of the directory table fields: the definition of a custom attribute.
type Field struct {
	FieldID    string
	ObservedAt time.Time
	Key        *string
	Name       *string
	Type       *string
	AppliesTo  *string // conversation or contact
	Choices    []string
	Attributes map[string]*string
}
