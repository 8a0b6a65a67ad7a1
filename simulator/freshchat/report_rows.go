package freshchat

import (
	"strconv"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// reportRows returns all rows of a report about a conversation, of any time.
func (s *Site) reportRows(t simulator.Thread, event string) []reportRow {
	created := createdAt(t.Outline)
	agent, agentName := "", ""
	if t.Assignee.Kind == simulator.ByAgent {
		a, _ := s.corpus.AgentByID(t.Assignee.ID)
		agent, agentName = uuid(ofAgent, a.ID), a.Name
	}
	row := func(at time.Time, more ...string) reportRow {
		h := reportRow{at: at, about: t.Outline, cellsByColumn: map[string]string{
			"conversation_id": t.UUID, "interaction_id": t.UUID, "created_at": stamp(at), "agent_id": agent, "agent_name": agentName,
		}}
		for i := 0; i+1 < len(more); i += 2 {
			h.cellsByColumn[more[i]] = more[i+1]
		}
		return h
	}
	closed := t.LastActivityAt.Add(time.Duration(t.Number%90) * time.Minute)
	switch event {
	case "Conversation-Created":
		return s.creations(t, created, row)
	case "Conversation-Resolved", "Resolution-Time":
		if t.State == simulator.Closed {
			return []reportRow{row(closed, "channel_id", uuid(ofChannel, t.ChannelID), "value_in_seconds", strconv.Itoa(int(closed.Sub(created)/time.Second)))}
		}
	case "Conversation-Agent-Assigned":
		if agent != "" {
			return []reportRow{row(created.Add(time.Minute))}
		}
	case "Conversation-Group-Assigned":
		if g, ok := s.corpus.GroupByID(t.GroupID); ok {
			return []reportRow{row(created.Add(2*time.Minute), "group_id", uuid(ofGroup, g.ID), "group_name", g.Name)}
		}
	case "First-Response-Time", "Response-Time":
		if !t.FirstReplyAt.IsZero() {
			return []reportRow{row(t.FirstReplyAt, "value_in_seconds", strconv.Itoa(int(t.FirstReplyAt.Sub(created)/time.Second)))}
		}
	case "Conversation-Resolution-Label":
		var all []reportRow
		for i, tag := range t.Tags {
			if t.State == simulator.Closed {
				all = append(all, row(closed.Add(time.Duration(i)*time.Second), "label_category_name", "Support", "abel_sub_category_name", tag))
			}
		}
		return all
	case "CSAT-Score":
		return s.ratings(t, row)
	case "Message-Sent":
		var all []reportRow
		for _, u := range s.sentMessages(t) {
			if u.actorType == "agent" && u.Message.Kind == simulator.Out {
				all = append(all, row(u.at, "message_id", u.id, "agent_id", u.actor))
			}
		}
		return all
	}
	return nil
}

// creations are a conversation's creation, and its reopening, which has the form of a creation.
func (s *Site) creations(t simulator.Thread, created time.Time, row func(time.Time, ...string) reportRow) []reportRow {
	channel, _ := s.corpus.ChannelByID(t.ChannelID)
	creation := func(at time.Time, reopened bool) reportRow {
		return row(at, "channel_id", uuid(ofChannel, channel.ID), "channel_name", channel.Name,
			"reopened", strconv.FormatBool(reopened), "conversation_url", inboxURL(t.Outline))
	}
	all := []reportRow{creation(created, false)}
	if t.State == simulator.Snoozed {
		all = append(all, creation(created.Add(3*time.Hour), true))
	}
	return all
}

// ratings arrive up to twenty days after the survey, some of them without an id.
func (s *Site) ratings(t simulator.Thread, row func(time.Time, ...string) reportRow) []reportRow {
	var all []reportRow
	for _, u := range s.sentMessages(t) {
		if u.Survey != simulator.Answered {
			continue
		}
		at := u.at.Add(time.Duration(u.ID%(20*24)) * time.Hour)
		id := uuid("csat", u.ID)
		if u.ID%3 == 0 {
			id = ""
		}
		all = append(all, row(at, "value", strconv.Itoa(u.Rating), "csat_rated_at", stamp(at), "csat_id", id, "comment", u.Comment))
	}
	return all
}
