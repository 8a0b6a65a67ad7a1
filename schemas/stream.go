package schemas

// Stream is the reason why rows belong to a window. Keys, commit records and workflow ids contain these texts.
type Stream string

const (
	StreamCreated   Stream = "created"   // conversations, by their time of creation
	StreamReports   Stream = "reports"   // facts about conversations and people, by their own time
	StreamDirectory Stream = "directory" // the account's people, groups and settings, as a snapshot of a day
)

// traits are the properties of a stream.
type traits struct {
	conversations bool // its list is one of conversations
	continuous    bool // its windows adjoin
}

var streams = map[Stream]traits{
	StreamCreated:   {conversations: true, continuous: true},
	StreamReports:   {continuous: true},
	StreamDirectory: {},
}

// Streams returns all streams, in the order in which people see them.
func Streams() []Stream { return []Stream{StreamCreated, StreamReports, StreamDirectory} }

// Known reports whether s is one of Streams.
func (s Stream) Known() bool {
	_, ok := streams[s]
	return ok
}

// HasConversations reports whether the stream lists conversations. Then the platform may be able to count them, and each one is fetched
// and becomes a row. The list of any other stream is already complete.
func (s Stream) HasConversations() bool { return streams[s].conversations }

// IsContinuous reports whether the windows of the stream are adjacent, so that a time outside all of them is a gap. Snapshots have no
// gaps.
func (s Stream) IsContinuous() bool { return streams[s].continuous }
