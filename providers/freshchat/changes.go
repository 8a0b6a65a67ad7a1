package freshchat

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// blind names what neither the version of a conversation nor the list of changes shows.
var blind = []string{
	"edited and deleted messages",
	"rows that reports show later than they happened",
	"details of contacts that change later",
	"properties that change in accounts whose conversations have no updated_time",
	"in the enumeration users, replies that do not move updated_time, and replies of agents to closed conversations",
}

// leastInterval is the shortest time between two syncs with the usual quotas: a sync orders each of its reports once, the platform
// makes 120 of an event a day, and a fifth of them are left for settling and for history. Accounts that find conversations through
// users, or have other quotas, could sync more often.
const leastInterval = 15 * time.Minute

// leastLag is how late reports may have a row. The platform does not say; the figure is a cautious guess.
const leastLag = 5 * time.Minute

// changeEvents are the reports besides Chat-Transcript that name conversations which changed. Late ratings and labels are rows of
// Reports and change nothing of a conversation.
var changeEvents = []string{"Conversation-Agent-Assigned", "Conversation-Group-Assigned", "Conversation-Resolved"}

// Changes lists the conversations that the reports of the window name. In the enumeration users, it lists those of the users that were
// updated in the window, and those that the lake has as open.
func (a *account) Changes(ctx context.Context, w schemas.Window, known providers.Known, at providers.Cursor) iter.Seq2[providers.Page, error] {
	if a.users {
		return a.changesByUsers(ctx, w, known, at)
	}
	return walk(at, opList, func(c cursor) (providers.Page, error) {
		return a.listStep(ctx, segments(w), c, list{orders: changeOrders, changes: true, page: func(ctx context.Context, w schemas.Window, s *segment, some []*segmentEntry) (providers.Page, error) {
			return a.changesPage(ctx, w, known, s, some)
		}})
	})
}

// changeOrders returns the reports that list the changes of a segment. Conversation-Created begins earlier, as in other lists, so that
// it dates conversations that are a few hours old.
func changeOrders(w schemas.Window) []order {
	all := orderEach(eventCreated, months(schemas.Window{From: w.From.Add(-createdLead), To: w.To}))
	for _, event := range changeEvents {
		all = append(all, orderEach(event, months(w))...)
	}
	return append(all, orderEach(eventTranscript, cutWindow(w, func(from time.Time) time.Time { return from.Add(longestTranscript) }))...)
}

// longestTranscript is the longest range of a Chat-Transcript.
const longestTranscript = 24 * time.Hour

// changesPage returns a page of those entries that have a row in the window.
func (a *account) changesPage(ctx context.Context, w schemas.Window, known providers.Known, s *segment, some []*segmentEntry) (providers.Page, error) {
	some = slices.DeleteFunc(slices.Clone(some), func(e *segmentEntry) bool { return !e.last.IsZero() && e.last.Before(w.From) })
	l := a.lane
	if l == laneTranscript {
		l = laneBoth // the transcripts of a window are only a part of a conversation
	}
	all, err := a.examineAll(ctx, l, w, s, some)
	if err != nil {
		return providers.Page{}, err
	}
	if err := dateByLake(ctx, known, all); err != nil {
		return providers.Page{}, err
	}
	for i := range all {
		all[i].hint.REST = a.lane == laneTranscript
	}
	return a.makePage(ctx, l, slices.DeleteFunc(all, func(c candidate) bool { return c.at == nil }))
}

// dateByLake gives candidates that the platform does not have any more the time of creation that the lake has.
func dateByLake(ctx context.Context, known providers.Known, all []candidate) error {
	for i, c := range all {
		if slices.ContainsFunc(c.docs, func(doc schemas.Document) bool { return doc.Kind == kindConversation && providers.IsGone(doc) }) {
			before, has, err := known.Find(ctx, c.id)
			if err != nil {
				return err
			}
			if has {
				all[i].at = &before.CreatedAt
			}
			all[i].newest = nil // whatever the lake has is older than its deletion
		}
	}
	return nil
}
