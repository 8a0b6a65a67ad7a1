package giosg

import (
	"cmp"
	"fmt"
	"time"
)

// blind names what neither the version of a chat nor the list of changes shows.
var blind = []string{
	"rows that appear more than a minute after a chat has ended",
	"variables and details of visitors that change later",
	"names of users that change later",
	"tags that are removed without another change of the chat",
	"who is present in a chat",
}

// lateRows is how long after the end of a chat rows may appear that do not move its updated_at. They were seen one to four seconds
// after it.
const lateRows = time.Minute

// The stages of a chat, in the order in which it goes through them. They are a part of its version.
const (
	stageOpen  = 0
	stageLate  = 1 // it has ended, and more rows may appear
	stageEnded = 2
)

// stage returns the stage of a chat when the server answered.
func (r row) stage() int {
	endedAt := moment(r.fields["ended_at"])
	switch {
	case !truth(r.fields["is_ended"]) && endedAt == nil:
		return stageOpen
	case endedAt != nil && r.sentAt.Before(endedAt.Add(lateRows)):
		return stageLate
	}
	return stageEnded
}

// versionLayout has a fixed width, so that the order of texts is that of times.
const versionLayout = "2006-01-02T15:04:05.000000Z"

// version returns the chat's version: when it was updated, its stage, and the numbers of its messages, tags and members, which may
// grow without moving updated_at. Because of the stage, a chat that was read right after its end is read once more.
func (r row) version() string {
	updatedAt := cmp.Or(moment(r.fields["updated_at"]), moment(r.fields["ended_at"]), &r.createdAt)
	count := func(key string, most int64) int64 {
		if n := integer(r.fields[key]); n != nil {
			return min(max(*n, 0), most)
		}
		return 0
	}
	return fmt.Sprintf("%s %d %07d %04d %04d", updatedAt.UTC().Format(versionLayout), r.stage(),
		count("message_count", 9_999_999), count("tag_count", 9_999), count("member_count", 9_999))
}

// stageOf returns the stage in a version made by version. Other texts have the stage stageEnded.
func stageOf(version string) int {
	if i := len(versionLayout) + 1; len(version) > i && version[i] >= '0'+stageOpen && version[i] < '0'+stageEnded {
		return int(version[i] - '0')
	}
	return stageEnded
}
