package operate

import (
	"fmt"
	"strings"

	"github.com/chatlake/chatlake/internal/words"
)

// WindowsText says how many windows are done.
func (s Snapshot) WindowsText() string {
	text := fmt.Sprintf("%d of %s done", s.Done, words.Plural(int64(s.Windows), "window"))
	if s.InFlight > 0 {
		text += fmt.Sprintf(", %d in flight", s.InFlight)
	}
	return text
}

// ConversationsText says how many conversations are copied, and of how many as far as that is known.
func (s Snapshot) ConversationsText() string {
	text := words.Grouped(s.Conversations)
	if s.Expected > 0 && s.Done < s.Windows {
		text += " of ~" + words.Grouped(s.Expected)
	}
	return text + " conversations"
}

// MessagesText says how many messages are copied.
func (s Snapshot) MessagesText() string {
	text := words.Plural(s.Messages, "message")
	if s.Estimated {
		text = "~" + text
	}
	return text
}

// String says when the schedule acts, how its last run ended, and what it is doing.
func (u Upkeep) String() string {
	text := u.Times
	if u.Last != nil {
		text += "; last " + words.Instant(*u.Last)
	}
	switch {
	case u.Ended == nil:
	case len(u.Running) > 0:
		text += ", the one before " + u.Ended.String()
	default:
		text += " " + u.Ended.String()
	}
	switch {
	case u.Paused:
		text += "; paused"
		if u.Note != "" {
			text += ": " + u.Note
		}
	case u.Progress != nil && u.Progress.Windows > 0:
		text += fmt.Sprintf("; %s: %s", u.Progress.State, u.Progress.WindowsText())
	case u.Progress != nil:
		text += fmt.Sprintf("; %s", u.Progress.State)
	case len(u.Running) > 0:
		text += "; begun"
	case u.Next != nil:
		text += "; next " + words.Instant(*u.Next)
	}
	return text
}

// String says how the run ended, and why not complete.
func (e Ended) String() string {
	text := string(e.State)
	var why []string
	if e.Skipped > 0 {
		why = append(why, words.Plural(int64(e.Skipped), "window")+" skipped")
	}
	if e.Failed > 0 {
		why = append(why, words.Plural(int64(e.Failed), "window")+" failed")
	}
	if e.Detail != "" {
		why = append(why, e.Detail)
	}
	if len(why) > 0 {
		text += ": " + strings.Join(why, ", ")
	}
	return text
}
