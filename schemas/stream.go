package schemas

// Stream is the reason why rows belong to a window. Keys, commit records and workflow ids contain these texts.
type Stream string

const (
	StreamCreated   Stream = "created"   // conversations, by their time of creation
	StreamChanges   Stream = "changes"   // conversations, by the time at which they changed
	StreamPushed    Stream = "pushed"    // conversations that the platform announced, by the time at which it did
	StreamReports   Stream = "reports"   // facts about conversations and people, by their own time
	StreamDirectory Stream = "directory" // the account's people, groups and settings, as a snapshot of a day
	StreamAudits    Stream = "audits"    // what chatlake asked the platform to change, by the month of the run that asked
)

// traits are the properties of a stream.
type traits struct {
	conversations bool // its list is one of conversations
	continuous    bool // its windows adjoin
	byCreation    bool // its conversations were created in the window
	own           bool // no platform lists it: chatlake tells what it did
	byChange      bool // its conversations changed in the window, or about then
}

var streams = map[Stream]traits{
	StreamCreated:   {conversations: true, continuous: true, byCreation: true},
	StreamChanges:   {conversations: true, continuous: true, byChange: true},
	StreamPushed:    {conversations: true, byChange: true},
	StreamReports:   {continuous: true},
	StreamDirectory: {},
	StreamAudits:    {own: true},
}

// Streams returns all streams, in the order in which people see them.
func Streams() []Stream {
	return []Stream{StreamCreated, StreamChanges, StreamPushed, StreamReports, StreamDirectory, StreamAudits}
}

// Known reports whether s is one of Streams.
func (s Stream) Known() bool {
	_, ok := streams[s]
	return ok
}

// HasConversations reports whether the stream lists conversations. Each one is fetched and becomes a row. The list of any
// other stream is already complete.
func (s Stream) HasConversations() bool { return streams[s].conversations }

// IsByCreation reports whether the conversations of a window were created in it. Then the platform may be able to count them, and what is
// not listed any more is gone. A conversation of any other stream may have been created at any time.
func (s Stream) IsByCreation() bool { return streams[s].byCreation }

// IsByChange reports whether a conversation is in the stream because it changed. It is in the lake in other windows as well, so its shard
// can be absorbed, and what has not changed is not written.
func (s Stream) IsByChange() bool { return streams[s].byChange }

// IsContinuous reports whether the windows of the stream are adjacent, so that a time outside all of them is a gap. Snapshots have no
// gaps.
func (s Stream) IsContinuous() bool { return streams[s].continuous }

// IsOwn reports whether chatlake itself is the source of the stream. No platform lists it, and there are no documents of it, so it can be
// neither copied nor mapped again.
func (s Stream) IsOwn() bool { return streams[s].own }
