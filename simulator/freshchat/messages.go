package freshchat

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// sent is one message in the platform's format.
type sent struct {
	simulator.Message
	conversation simulator.Conversation
	id           string
	at           time.Time
	actorType    string // user, agent, bot or system
	actor        string
	org          string
	kind         string // message_type; empty if the platform leaves it out
	detailed     string
	source       string
	old          bool // from an account's early days, with few fields
}

// sentMessages returns the messages of a conversation, oldest first, without deleted ones.
func (s *Site) sentMessages(t simulator.Thread) []sent {
	var all []sent
	for j := range t.Len() {
		if m := t.Message(j); !m.Deleted {
			all = append(all, s.sentMessage(t, m))
		}
	}
	slices.SortFunc(all, func(a, b sent) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
	return all
}

func (s *Site) sentMessage(t simulator.Thread, m simulator.Message) sent {
	u := sent{
		Message: m, conversation: t.Conversation, id: uuid(ofMessage, m.ID), at: m.CreatedAt, kind: "normal", detailed: "NORMAL",
		source: []string{"web", "mobile", "WEB"}[m.ID%3], old: s.sparse(t.Outline),
	}
	if !s.options.CoarseTimes {
		u.at = u.at.Add(time.Duration(m.ID%1000) * time.Millisecond)
	}
	u.act(t)
	switch m.Kind {
	case simulator.Note:
		u.kind, u.detailed = "private", "PRIVATE_NOTE"
	case simulator.Activity:
		u.kind, u.source = "system", "system"
		u.detailed = []string{"STATUS_CHANGE_ASSIGNED", "STATUS_CHANGE_RESOLVED", "STATUS_CHANGE_REOPENED", "FRESHDESK_TICKET_CREATE_MESSAGE"}[m.ID%4]
		if m.ID%5 == 0 {
			u.kind = ""
		}
	case simulator.Template:
		u.detailed = "OFFLINE_MESSAGE"
	}
	return u
}

// act sets the actor. Deleted agents have unknown ids.
func (u *sent) act(t simulator.Thread) {
	switch u.Kind {
	case simulator.In:
		u.actorType, u.actor, u.org = "user", uuid(ofUser, t.PersonID), orgID(ofUser, t.PersonID)
	case simulator.Activity, simulator.Template:
		n := 1 + u.ID%systemUsers
		u.actorType, u.actor, u.org = "system", uuid(ofSystem, n), orgID(ofSystem, n)
	default:
		u.actorType, u.actor, u.org = "agent", uuid(ofAgent, u.Author.ID), orgID(ofAgent, u.Author.ID)
		if u.Author.Kind == simulator.ByBot {
			u.actorType, u.actor, u.org = "bot", uuid(ofBot, u.Author.ID), orgID(ofBot, u.Author.ID)
		}
	}
}

// inREST and inTranscript report which lane has a message.
func (s *Site) inREST(u sent) bool {
	return s.options.MissingInREST == 0 || u.ID%s.options.MissingInREST != 0
}

func (s *Site) inTranscript(u sent) bool {
	return s.options.MissingInTranscript == 0 || u.ID%s.options.MissingInTranscript != 0
}

// wire is a message as sent.
func (u sent) wire() pairs {
	parts, replies := contents(u.Message)
	var p pairs
	if u.ID%41 == 0 { // the format of 2018
		var old []any
		for _, c := range parts {
			w := c.wire()
			old = append(old, pairs{"part_type", strings.ToUpper(c.kind), "properties", w[1]})
		}
		p = pairs{"msg_parts", old}
	} else {
		p = pairs{"message_parts", wires(parts)}
	}
	p = append(p, "app_id", appID, "channel_id", uuid(ofChannel, u.conversation.ChannelID), "conversation_id", u.conversation.UUID,
		"id", u.id, "actor_type", u.actorType, "actor_id", u.actor, "created_time", iso(u.at), "message_source", u.source)
	if u.kind != "" {
		p = append(p, "message_type", u.kind)
	}
	if !u.old {
		p = append(p, "bots_input", false, "freshchat_conversation_id", strconv.FormatInt(internalID(u.conversation.Number), 10),
			"interaction_id", u.interaction(), "user_id", uuid(ofUser, u.conversation.PersonID), "restrictResponse", false, "org_actor_id", u.org)
	}
	if len(replies) > 0 {
		p = append(p, "reply_parts", wires(replies))
	}
	if u.ReplyTo != 0 {
		p = append(p, "in_reply_to", pairs{"message_id", uuid(ofMessage, u.ReplyTo)})
	}
	return append(p, u.meta()...)
}

func (u sent) interaction() string {
	return strconv.FormatInt(internalID(u.conversation.Number), 10) + "-" + strconv.FormatInt(u.conversation.CreatedAt.UnixMilli(), 10)
}

// resolves and reopens report what an activity did. isResolved is a text in old bodies.
func (u sent) resolves() bool {
	return u.Message.Kind == simulator.Activity && u.detailed == "STATUS_CHANGE_RESOLVED"
}

func (u sent) reopens() bool {
	return u.Message.Kind == simulator.Activity && u.detailed == "STATUS_CHANGE_REOPENED"
}

func (u sent) meta() pairs {
	switch {
	case u.resolves() && u.old:
		return pairs{"meta_data", pairs{"isResolved", "true"}}
	case u.resolves():
		return pairs{"meta_data", pairs{"isResolved", true}}
	case u.reopens():
		return pairs{"meta_data", pairs{"isReopen", true}}
	}
	return nil
}

// messages is GET /conversations/{id}/messages: newest first. Links keep the page's number and move from_time to the
// oldest message of the page. Depending on the site's options, that message is sent again or not.
func (s *Site) messages(w http.ResponseWriter, r *http.Request) {
	t, ok := s.find(r.PathValue("id"))
	if !ok {
		fail(w, http.StatusNotFound, "CONVERSATION_NOT_FOUND", "conversation not found")
		return
	}
	query := r.URL.Query()
	size, page, ok := paging(query, s.options.MessagePage)
	if !ok {
		fail(w, http.StatusBadRequest, "INVALID_VALUE", "items_per_page")
		return
	}
	all := slices.DeleteFunc(s.sentMessages(t), func(u sent) bool { return !s.inREST(u) })
	slices.Reverse(all)
	if from, err := time.Parse(time.RFC3339, query.Get("from_time")); err == nil {
		all = slices.DeleteFunc(all, func(u sent) bool {
			return u.at.After(from) || s.options.Exclusive && u.at.Equal(from)
		})
	}
	lo := min((page-1)*size, len(all))
	hi := min(lo+size, len(all))
	rows := []any{}
	for _, u := range all[lo:hi] {
		rows = append(rows, u.wire())
	}
	body := pairs{"messages", rows}
	if hi < len(all) && !s.options.NumberedMessages {
		q := url.Values{"page": {"1"}, "items_per_page": {strconv.Itoa(size)}, "from_time": {iso(all[hi-1].at)}}
		body = append(body, "link", pairs{"rel", "next", "href", "/v2/conversations/" + t.UUID + "/messages?" + q.Encode()})
	}
	send(w, http.StatusOK, body)
}

// paging reads page and items_per_page, and caps the latter at most.
func paging(query url.Values, most int) (size, page int, ok bool) {
	size, page = min(20, most), 1
	if v := query.Get("items_per_page"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 50 {
			return 0, 0, false
		}
		size = min(n, most)
	}
	if v := query.Get("page"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return 0, 0, false
		}
		page = n
	}
	return size, page, true
}

// sparse reports whether a conversation's body has only five fields. If messages are older than their conversation, only the
// body can tell when it was created, so such a body is complete.
func (s *Site) sparse(o simulator.Outline) bool {
	switch s.options.Sparse {
	case "all":
		return true
	case "none":
		return false
	}
	i, known := s.corpus.Index(o.Number)
	return o.Number%9 == 0 && known && s.spans[i].from >= o.CreatedAt.UnixMilli()
}

// statuses are the platform's words for states.
func status(c simulator.Conversation) string {
	switch c.State {
	case simulator.Closed:
		return "resolved"
	case simulator.Pending:
		return "waiting on customer"
	case simulator.Snoozed:
		return "reopened"
	}
	if c.Assignee.Kind == simulator.ByAgent {
		return "assigned"
	}
	return "new"
}

// conversation is GET /conversations/{id}. Fields without a value are omitted.
func (s *Site) conversation(w http.ResponseWriter, r *http.Request) {
	t, ok := s.find(r.PathValue("id"))
	if !ok {
		fail(w, http.StatusNotFound, "CONVERSATION_NOT_FOUND", "conversation not found")
		return
	}
	p := pairs{"conversation_id", t.UUID, "app_id", appID, "status", status(t.Conversation), "channel_id", uuid(ofChannel, t.ChannelID), "skill_id", 0}
	if s.sparse(t.Outline) {
		send(w, http.StatusOK, p)
		return
	}
	p = append(p, "user_id", uuid(ofUser, t.PersonID), "created_by", "user", "created_time", iso(createdAt(t.Outline)),
		"updated_time", iso(t.UpdatedAt), "conversation_internal_id", internalID(t.Number), "url", inboxURL(t.Outline))
	if t.Assignee.Kind == simulator.ByAgent {
		p = append(p, "assigned_agent_id", uuid(ofAgent, t.Assignee.ID), "assigned_org_agent_id", orgID(ofAgent, t.Assignee.ID))
	}
	if t.GroupID != 0 {
		p = append(p, "assigned_group_id", uuid(ofGroup, t.GroupID))
	}
	send(w, http.StatusOK, append(p, "properties", properties(t.Conversation)))
}

func inboxURL(o simulator.Outline) string {
	return "https://acme.freshchat.com/a/1/inbox/open/0/conversation/" + strconv.FormatInt(internalID(o.Number), 10)
}

// properties are the priority and the account's own fields; empty ones are omitted.
func properties(c simulator.Conversation) pairs {
	p := pairs{}
	if c.Priority != "" {
		p = append(p, "priority", c.Priority)
	}
	for _, a := range c.Custom {
		p = append(p, "cf_"+a.Key, a.Value)
	}
	return p
}
