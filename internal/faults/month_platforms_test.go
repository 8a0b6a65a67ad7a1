package faults

import (
	"net/http"
	"slices"
	"time"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fakechatwoot "github.com/chatlake/chatlake/simulator/chatwoot"
	fakefreshchat "github.com/chatlake/chatlake/simulator/freshchat"
	fakegiosg "github.com/chatlake/chatlake/simulator/giosg"
	fakeliveperson "github.com/chatlake/chatlake/simulator/liveperson"
)

// livingSite is a fake account whose conversations begin, change and disappear while they are copied.
type livingSite struct {
	simulator.Living
	conversations func(schemas.Window) []string
	// thread is a conversation as it has to be in a lake that has followed the account in a window.
	thread func(id string, followed schemas.Window) (schemas.Thread, bool)
}

// moving is a platform whose changes can be listed, with a fake that goes on.
type moving struct {
	platform
	live func(*simulator.Corpus, time.Duration) livingSite
	// hidden are the kinds of events that neither the list of changes nor a version shows: only settles find them.
	hidden []simulator.EventKind
	// unsays means that a sync does not see a change either if such an event follows it.
	unsays bool
	// blurs removes from a thread what changes with another conversation, and is as it was when the conversation was last read; nil if
	// there is nothing of that kind.
	blurs func(*schemas.Thread)
	// late is how long after an event a sync may still miss it, because the platform shows it later than it happens.
	late time.Duration
}

// movingPlatforms are all platforms whose reader lists changes.
var movingPlatforms = []moving{
	{
		platform: ofChatwoot,
		live: func(c *simulator.Corpus, latency time.Duration) livingSite {
			s := fakechatwoot.New(c, fakechatwoot.Options{Latency: latency})
			return livingSite{s, s.Conversations, always(s.Thread)}
		},
		hidden: []simulator.EventKind{simulator.Edits, simulator.Retracts, simulator.Rates, simulator.Delivers, simulator.Purges, simulator.Vanishes},
	}, {
		platform: ofGiosg,
		live: func(c *simulator.Corpus, latency time.Duration) livingSite {
			s := fakegiosg.New(c, fakegiosg.Options{Latency: latency})
			return livingSite{s, s.Conversations, always(s.Thread)}
		},
		hidden: []simulator.EventKind{simulator.Labels, simulator.Purges, simulator.Vanishes},
		late:   10 * time.Minute,
	}, {
		platform: ofFreshchat,
		live: func(c *simulator.Corpus, latency time.Duration) livingSite {
			s := fakefreshchat.New(c, fakefreshchat.Options{Latency: latency})
			return livingSite{s, s.Conversations, func(id string, followed schemas.Window) (schemas.Thread, bool) {
				t, ok := s.Thread(id, fakefreshchat.Reading{Lane: "both"})
				if !ok {
					return t, false
				}
				at := t.Conversation.CreatedAt.UTC()
				month := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
				return s.Thread(id, fakefreshchat.Reading{Lane: "both", Covered: []schemas.Window{{From: month, To: month.AddDate(0, 1, 0)}, followed}})
			}}
		},
		hidden: []simulator.EventKind{simulator.Edits, simulator.Retracts, simulator.Rates, simulator.Annotates, simulator.Vanishes},
		blurs: func(t *schemas.Thread) {
			for _, p := range t.Participants {
				delete(p.Attributes, "updated_time")
			}
		},
		unsays: true, // reports do not name a message that was deleted
		late:   time.Hour,
	}, {
		platform: ofLivePerson,
		live: func(c *simulator.Corpus, latency time.Duration) livingSite {
			s := fakeliveperson.New(c, fakeliveperson.Options{Latency: latency, LastUpdateTime: true, IndexDelay: time.Minute, Unseen: []simulator.EventKind{simulator.Delivers, simulator.Rates}})
			return livingSite{s, s.Conversations, always(s.Thread)}
		},
		hidden: []simulator.EventKind{simulator.Delivers, simulator.Rates, simulator.Vanishes},
	},
}

// always is the truth about conversations that does not depend on how they were read.
func always(thread func(string) (schemas.Thread, bool)) func(string, schemas.Window) (schemas.Thread, bool) {
	return func(id string, _ schemas.Window) (schemas.Thread, bool) { return thread(id) }
}

// isHidden reports whether only a settle finds an event.
func (m moving) isHidden(k simulator.EventKind) bool { return slices.Contains(m.hidden, k) }

// outage answers nothing while it lasts.
func outage(site http.Handler, lasts schemas.Window) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lasts.Contains(time.Now()) {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		site.ServeHTTP(w, r)
	})
}
