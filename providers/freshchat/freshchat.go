// Package freshchat reads one account of Freshchat.
//
// The platform has no list of conversations. What there were in a window is asked of its reports: one Chat-Transcript for
// each day and one Conversation-Created for a month. A report is ordered, waited for, and fetched as a ZIP of CSV files
// from another host, and there is a quota of one order a minute; so the cursor of a list carries the ids of all reports
// that were ordered, and every order is a page of its own, whose cursor stands in the history before the first wait. The
// other way is to walk all users and ask for the conversations of each.
//
// To which window a conversation belongs is decided by its own time of creation, so a conversation that is met in the
// reports of several windows is listed in one. Messages are read newest first, along the links that the answers give, and
// compared by id with the transcript's rows.
//
// It must not know the lake, Temporal, another platform, or the environment.
package freshchat

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/witness"
	"github.com/chatlake/chatlake/providers"
)

// Definition is Freshchat. The limits of its REST part are not published ("vary by account and plan"), so the budget is
// a modest guess. Users are fetched a hundred at a time with the list, so nothing is left for Metadata.
var Definition = providers.Definition{
	Name:              "freshchat",
	Open:              open,
	Mapper:            openMapper,
	Check:             check,
	Normal:            normal,
	RequestsPerSecond: 5,
	Costs:             providers.Costs{MessageRequests: 1, ListRequests: 1}, // a conversation says itself when it was created
}

// Lane says where messages are read from.
type lane string

const (
	laneBoth       lane = "both"
	laneREST       lane = "rest"
	laneTranscript lane = "transcript"
)

// The options of an account.
const (
	optionLane        = "lane"
	optionEnumeration = "enumeration"
	optionTail        = "transcript_tail"
	optionReports     = "reports"
	optionPerMinute   = "reports_per_minute"
	optionPerDay      = "reports_per_day"
)

const (
	defaultTail = 7
	maxTail     = 14 // days; all report ids of a window have to fit into a cursor
)

type options struct {
	lane    lane
	users   bool // list by users, not by reports
	tail    int  // days of transcript after the window, in the transcript lane
	reports []string
	// What the platform allows of reports, 0 is not counted: its own pages do not agree on the figures.
	perMinute, perDay int
}

// conversationReports are the reports that say something of single conversations.
var conversationReports = []string{
	"CSAT-Score", "Conversation-Resolution-Label", "Conversation-Resolved", "Conversation-Agent-Assigned",
	"Conversation-Group-Assigned", "First-Response-Time", "Response-Time", "Resolution-Time",
}

// knownReports are all that Reports can ask for: those above and some that are large or say nothing of a conversation.
var knownReports = append(slices.Clone(conversationReports), "Message-Sent", "Agent-Activity", "Agent-Intelliassign-Activity")

func readOptions(given map[string]string) (options, error) {
	o := options{lane: laneBoth, tail: defaultTail, reports: conversationReports, perMinute: ordersPerMinute, perDay: ordersPerDay}
	for key, text := range given {
		switch key {
		case optionLane:
			o.lane = lane(text)
			if o.lane != laneBoth && o.lane != laneREST && o.lane != laneTranscript {
				return o, providers.Option(key, "must be both, rest or transcript")
			}
		case optionEnumeration:
			if text != "reports" && text != "users" {
				return o, providers.Option(key, "must be reports or users")
			}
			o.users = text == "users"
		case optionTail:
			days, err := strconv.Atoi(text)
			if err != nil || days < 0 || days > maxTail {
				return o, providers.Option(key, fmt.Sprintf("must be a number of days from 0 to %d", maxTail))
			}
			o.tail = days
		case optionReports:
			var err error
			if o.reports, err = readReports(text); err != nil {
				return o, err
			}
		case optionPerMinute, optionPerDay:
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return o, providers.Option(key, "must be a number of reports; 0 does not count them")
			}
			if key == optionPerMinute {
				o.perMinute = n
			} else {
				o.perDay = n
			}
		default:
			return o, providers.UnknownOption(key, optionLane, optionEnumeration, optionTail, optionReports, optionPerMinute, optionPerDay)
		}
	}
	if o.users && o.lane == laneTranscript {
		return o, providers.Option(optionEnumeration, "users have no transcripts; use reports, or another lane")
	}
	if _, set := given[optionTail]; set && o.lane != laneTranscript {
		return o, providers.Option(optionTail, "means something in the lane transcript only")
	}
	return o, nil
}

func readReports(text string) ([]string, error) {
	if text == "none" {
		return nil, nil
	}
	var all []string
	for name := range strings.SplitSeq(text, ",") {
		i := slices.IndexFunc(knownReports, func(known string) bool { return strings.EqualFold(known, strings.TrimSpace(name)) })
		if i < 0 {
			return nil, providers.Option(optionReports, "must be none, or some of "+strings.Join(knownReports, ", "))
		}
		if !slices.Contains(all, knownReports[i]) {
			all = append(all, knownReports[i])
		}
	}
	return all, nil
}

func check(a providers.Account) error {
	u, ok := providers.ParseAddress(a.BaseURL)
	switch {
	case a.BaseURL == "":
		return &providers.Setting{Key: "base_url", Reason: "missing; give the account's own address, for example https://acme.freshchat.com/v2"}
	case !ok:
		return &providers.Setting{Key: "base_url", Reason: "must be an absolute http or https address, for example https://acme.freshchat.com/v2"}
	case strings.Contains(strings.TrimSuffix(strings.TrimRight(u.Path, "/"), root), root):
		return &providers.Setting{Key: "base_url", Reason: "must end with /v2, without a path of the API"}
	}
	_, err := readOptions(a.Options)
	return err
}

// root of the API, below the host.
const root = "/v2"

// account is one login. It keeps nothing but what makes later requests cheaper.
type account struct {
	http *rest.Client
	take func(context.Context, providers.Quota) error
	options
	scratch  func() (providers.File, error)
	shelf    shelf[*spool]   // reports, by their ids
	segments shelf[*segment] // by the ids of their reports
	opened   blocks
	orders   orders
	census   census
	systems  sync.Map            // system users by id, as documents
	asking   *semaphore.Weighted // held by who asks for a system user
	doubt    witness.Doubt       // of lists that nothing counts
	barren   atomic.Int32        // second looks in a row that brought nothing
	noBatch  atomic.Bool         // the account has no /users/fetch
	perPage  int                 // candidates of one page of a list
	atOnce   int                 // requests of a list side by side
	packed   int64               // cap of a report's files as they come, in bytes
	unpacked int64               // and of what is in them
}

func open(a providers.Account) (providers.Reader, error) {
	if err := check(a); err != nil {
		return nil, err
	}
	o, err := readOptions(a.Options)
	if err != nil {
		return nil, err
	}
	client, err := rest.New(rest.Config{
		BaseURL: strings.TrimSuffix(strings.TrimRight(a.BaseURL, "/"), root),
		Sign: func(r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+a.Token)
			return nil
		},
		UserAgent: "chatlake",
		Rate:      a.Rate,
	})
	if err != nil {
		return nil, fmt.Errorf("open account: %w", err)
	}
	p := &account{
		http: client, take: a.Take, options: o, scratch: a.Scratch, asking: semaphore.NewWeighted(1), perPage: pageSize, atOnce: 8,
		packed: maxDownload, unpacked: maxUnpacked,
	}
	p.emptyShelves()
	return p, nil
}

// What is kept of reports between the pages of lists, on disk for the most part.
const (
	maxReports  = 160 // three windows of a month
	maxSegments = 8
	maxShelf    = 2 << 30
)

func (a *account) emptyShelves() {
	a.shelf = shelf[*spool]{most: maxReports, limit: maxShelf, size: func(s *spool) int64 { return s.size + int64(s.index()) }}
	a.segments = shelf[*segment]{most: maxSegments}
}
