package freshchat

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// directions are the directions of messages, by the type of the actor.
var directions = map[string]string{"user": "in", "agent": "out", "bot": "out", "system": "out"}

// classify returns the direction and the kind of a message, and whether it is private. The direction is nil if the actor's type is
// unknown.
func (u unifiedMessage) classify() (direction *string, kind string, private bool) {
	switch {
	case u.isNote():
		return wire.NonEmpty("none"), "note", true
	case u.isActivity():
		return wire.NonEmpty("none"), "activity", false
	case u.kind == "normal" || u.kind == "":
		return wire.NonEmpty(directions[u.actorIs]), "message", false
	}
	return wire.NonEmpty("none"), u.kind, false
}

func (u unifiedMessage) isNote() bool {
	return u.kind == "private" || (u.kind == "" || u.kind == "normal") && (u.detailed == "private_note" || u.flag("botsPrivateNote"))
}

func (u unifiedMessage) flag(name string) bool {
	return u.fromREST != nil && wire.Truth(u.fromREST.wire[name])
}

// isActivity reports whether the platform's system wrote the row. It writes many rows in the name of the agent or user whose action
// they describe. Each lane shows this differently: REST by message_type and meta_data (jaya-lib, packages/freshchat-api), the
// transcript by detailed_message_type, and both by message_source. Rows about an Instagram story have the system as actor and an
// empty message_source in the transcript (seen in a fork of Chatwoot, Freshchat::Importer).
func (u unifiedMessage) isActivity() bool {
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

// sourceless reports whether a lane has the field message_source and leaves it empty. Rows of old accounts do not have the field.
func (u unifiedMessage) sourceless() bool {
	if u.source != "" {
		return false
	}
	stated := false
	if u.fromREST != nil {
		_, stated = u.fromREST.wire["message_source"]
	}
	return stated || u.fromTranscript != nil && u.fromTranscript.empty["message_source"]
}

const statusChange = "status_change_"

var metaFlag = regexp.MustCompile(`^is([A-Z][A-Za-z]*)$`)

// happened returns the event that a flag in meta_data names: "resolved" for isResolved, "reopen" for isReopen; "" if there is none.
func (u unifiedMessage) happened() string {
	if u.fromREST == nil {
		return ""
	}
	var all []string
	for name, v := range wire.Fields(u.fromREST.wire["meta_data"]) {
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

// event returns the event of an activity. Its kind is the same from both lanes, as far as they know it.
func (u unifiedMessage) event(row schemas.Message) schemas.Event {
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
