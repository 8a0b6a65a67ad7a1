package freshchat

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// directions of messages, by who acts.
var directions = map[string]string{"user": "in", "agent": "out", "bot": "out", "system": "out"}

// nature is where a message goes and what it is. The direction is nil where the actor is of a type that is not known.
func (u utterance) nature() (direction *string, kind string, private bool) {
	switch {
	case u.isNote():
		return some("none"), "note", true
	case u.isActivity():
		return some("none"), "activity", false
	case u.kind == "normal" || u.kind == "":
		return some(directions[u.actorIs]), "message", false
	}
	return some("none"), u.kind, false
}

func (u utterance) isNote() bool {
	return u.kind == "private" || (u.kind == "" || u.kind == "normal") && (u.detailed == "private_note" || u.flag("botsPrivateNote"))
}

func (u utterance) flag(name string) bool { return u.rest != nil && wire.Truth(u.rest.wire[name]) }

// isActivity reports whether the platform's system wrote the row. It writes many under the name of the agent or the user whose
// action they tell. Each lane says so in its own way: REST by message_type and meta_data (jaya-lib, packages/freshchat-api),
// the transcript by detailed_message_type, both by message_source. Rows about an Instagram story have the system as actor and an
// empty message_source in the transcript (seen in a fork of Chatwoot, Freshchat::Importer).
func (u utterance) isActivity() bool {
	switch {
	case u.kind == "system":
		return true
	case u.kind != "" && u.kind != "normal":
		return false
	}
	switch {
	case u.happened() != "", strings.HasPrefix(u.detailed, statusChange), u.detailed == "freshdesk_ticket_create_message":
		return true
	case u.source == "system":
		return u.kind == "" || u.actorIs == "user" || u.actorIs == "agent"
	}
	return u.actorIs == "system" && (u.kind == "" || u.sourceless())
}

// sourceless reports whether a lane states that the row has no source; rows of old accounts do not state any.
func (u utterance) sourceless() bool {
	if u.source != "" {
		return false
	}
	stated := false
	if u.rest != nil {
		_, stated = u.rest.wire["message_source"]
	}
	return stated || u.line != nil && u.line.empty["message_source"]
}

const statusChange = "status_change_"

var metaFlag = regexp.MustCompile(`^is([A-Z][A-Za-z]*)$`)

// happened is what meta_data says that happened: isResolved, isReopen, or another flag of this form; "" for nothing.
func (u utterance) happened() string {
	if u.rest == nil {
		return ""
	}
	var all []string
	for name, v := range wire.Fields(u.rest.wire["meta_data"]) {
		if found := metaFlag.FindStringSubmatch(name); found != nil && wire.Truth(v) {
			all = append(all, strings.ToLower(found[1]))
		}
	}
	slices.Sort(all)
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

// event is what an activity says happened. Both lanes have the same words for it, as far as they know.
func (u utterance) event(row schemas.Message) schemas.Event {
	kind := u.happened()
	if after, ok := strings.CutPrefix(u.detailed, statusChange); ok && kind == "" {
		kind = after
	}
	switch kind {
	case "":
		if kind = u.detailed; kind == "normal" {
			kind = ""
		}
	case "reopen":
		kind = "conversation_reopened"
	default:
		kind = "conversation_" + kind
	}
	return schemas.Event{
		ConversationID: row.ConversationID, EventID: row.MessageID, ObservedAt: row.ObservedAt, Kind: cmp.Or(kind, "activity"), CreatedAt: row.CreatedAt,
		ActorID: row.AuthorID, ActorType: row.AuthorType, MessageID: &row.MessageID, Text: row.Text,
	}
}
