package schemas

// Stream is why rows belong to a window. It stands in keys, commit records and workflow ids as it is written.
type Stream string

const (
	StreamCreated   Stream = "created"   // conversations, by the time when they were created
	StreamReports   Stream = "reports"   // facts about conversations and people, by their own time
	StreamDirectory Stream = "directory" // who and what there is, as a snapshot of a day
)

// traits are what there is to a stream.
type traits struct {
	conversations bool // its list is one of conversations
	continuous    bool // its windows adjoin
}

var streams = map[Stream]traits{
	StreamCreated:   {conversations: true, continuous: true},
	StreamReports:   {continuous: true},
	StreamDirectory: {},
}

// Streams are all streams, in the order in which people read of them.
func Streams() []Stream { return []Stream{StreamCreated, StreamReports, StreamDirectory} }

// Known says whether s is one of Streams.
func (s Stream) Known() bool {
	_, ok := streams[s]
	return ok
}

// HasConversations says whether conversations are listed: the platform may be able to count them, each is fetched, and each ends as a
// row. What the list of another stream holds is complete by itself.
func (s Stream) HasConversations() bool { return streams[s].conversations }

// IsContinuous says whether the windows of the stream adjoin, so that time that none of them covers is a gap. A snapshot leaves none.
func (s Stream) IsContinuous() bool { return streams[s].continuous }
