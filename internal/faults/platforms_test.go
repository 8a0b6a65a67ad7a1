package faults

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/chatwoot"
	"github.com/chatlake/chatlake/providers/freshchat"
	"github.com/chatlake/chatlake/providers/giosg"
	"github.com/chatlake/chatlake/providers/liveperson"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fakechatwoot "github.com/chatlake/chatlake/simulator/chatwoot"
	fakefreshchat "github.com/chatlake/chatlake/simulator/freshchat"
	fakegiosg "github.com/chatlake/chatlake/simulator/giosg"
	fakeliveperson "github.com/chatlake/chatlake/simulator/liveperson"
)

// window contains all conversations of the corpus.
var window = schemas.Window{From: time.Date(2026, 5, 10, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 5, 13, 0, 0, 0, 0, time.UTC)}

// today is when every export starts.
var today = time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)

const conversations = 24

// place is the part of an export that a request belongs to.
type place string

const (
	atList     place = "list"
	atMessages place = "messages"
	atMetadata place = "metadata"
	elsewhere  place = "elsewhere" // credentials, hosts of services
)

// site is one fake account.
type site struct {
	http.Handler
	ids    []string // of the conversations in the window
	thread func(id string) (schemas.Thread, bool)
	expire func() // expires cursors; nil if there are none
}

// platform is one kind of platform, with its fake.
type platform struct {
	name       string
	definition providers.Definition
	account    providers.Account // without its address
	fake       func(*simulator.Corpus) site
	place      func(*http.Request) place
	// moment formats a time as the platform does in conversations and messages.
	moment func(time.Time) string
	// spelled is the second format in which the platform sends the same time; nil if there is none.
	spelled func(time.Time) string
	// rows, total and next are the members of a list's answer with the conversations, their number, and the link to the next
	// page; nil if the platform has none.
	rows, total, next []string
	// said is the member of an answer with the messages.
	said []string
}

var platforms = []platform{ofChatwoot, ofFreshchat, ofGiosg, ofLivePerson}

var ofChatwoot = platform{
	name: "chatwoot", definition: chatwoot.Definition,
	account: providers.Account{AccountID: "1", Token: fakechatwoot.AdministratorToken},
	fake: func(c *simulator.Corpus) site {
		s := fakechatwoot.New(c, fakechatwoot.Options{PageSize: 7})
		return site{Handler: s, ids: s.Conversations(window), thread: s.Thread}
	},
	moment: func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) },
	rows:   []string{"data", "payload"}, total: []string{"data", "meta", "all_count"}, said: []string{"payload"},
	place: func(r *http.Request) place {
		switch rest := after(r.URL.Path, "/conversations"); {
		case !strings.Contains(r.URL.Path, "/conversations"):
			return elsewhere
		case rest == "":
			return atList
		case strings.HasSuffix(rest, "/messages"):
			return atMessages
		}
		return atMetadata
	},
}

var ofFreshchat = platform{
	name: "freshchat", definition: freshchat.Definition,
	account: providers.Account{Token: fakefreshchat.Token},
	fake: func(c *simulator.Corpus) site {
		s := fakefreshchat.New(c, fakefreshchat.Options{MessagePage: short(c)})
		return site{Handler: s, ids: s.Conversations(window), thread: func(id string) (schemas.Thread, bool) {
			return s.Thread(id, fakefreshchat.Reading{Lane: "both", Covered: []schemas.Window{window}})
		}}
	},
	moment: func(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z") },
	next:   []string{"link", "href"}, said: []string{"messages"},
	place: func(r *http.Request) place {
		if strings.HasSuffix(r.URL.Path, "/messages") {
			return atMessages
		}
		return atList // reports, their files, the conversations themselves and their contacts
	},
}

var ofGiosg = platform{
	name: "giosg", definition: giosg.Definition,
	account: providers.Account{AccountID: fakegiosg.Organization, Token: fakegiosg.ManagerToken},
	fake: func(c *simulator.Corpus) site {
		s := fakegiosg.New(c, fakegiosg.Options{PageSize: 7, MessagePageSize: short(c)})
		return site{Handler: s, ids: s.Conversations(window), thread: s.Thread, expire: s.ExpireCursors}
	},
	moment: func(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z") },
	rows:   []string{"results"}, next: []string{"next"}, said: []string{"results"},
	place: func(r *http.Request) place {
		switch rest := after(r.URL.Path, "/owned_chats"); {
		case strings.HasSuffix(r.URL.Path, "/users/me"):
			return elsewhere
		case strings.HasSuffix(rest, "/messages"):
			return atMessages
		case rest == "" && strings.HasSuffix(r.URL.Path, "/owned_chats"):
			return atList
		}
		return atMetadata
	},
}

var ofLivePerson = platform{
	name: "liveperson", definition: liveperson.Definition,
	account: providers.Account{AccountID: fakeliveperson.DefaultAccount, Token: fakeliveperson.Token},
	fake: func(c *simulator.Corpus) site {
		options := fakeliveperson.Options{PageLimit: 9}
		if c.Len() > conversations {
			options.PageLimit = 0 // pages as long as requested
		}
		s := fakeliveperson.New(c, options)
		return site{Handler: s, ids: s.Conversations(window), thread: s.Thread}
	},
	moment:  func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) },
	spelled: func(t time.Time) string { return t.Format("2006-01-02 15:04:05.000-0700") },
	rows:    []string{"conversationHistoryRecords"}, total: []string{"_metadata", "count"},
	said: []string{"conversationHistoryRecords"},
	place: func(r *http.Request) place {
		switch {
		case strings.HasSuffix(r.URL.Path, "/conversations/search"):
			return atList
		case strings.HasSuffix(r.URL.Path, "/conversation/search"):
			return atMessages
		}
		return elsewhere
	},
}

// short is the length of a page of messages; 0 means the platform's default, for conversations with very many messages.
func short(c *simulator.Corpus) int {
	if c.Config().GiantMessages > 0 {
		return 0
	}
	return 5
}

// has reports whether an export of the platform makes requests of a part. Only metadata is missing on some platforms.
func (p platform) has(where place) bool {
	return where != atMetadata || p.definition.Prices(p.account.Options).MetadataRequests > 0
}

// after is the text after a part of a path.
func after(path, part string) string {
	_, rest, _ := strings.Cut(path, part)
	return rest
}
