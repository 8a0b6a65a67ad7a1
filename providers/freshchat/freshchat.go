// Package freshchat reads one account of Freshchat.
//
// The platform has no list of conversations. The conversations of a window come from reports: one Chat-Transcript for each day and
// one Conversation-Created for each month. A report must be ordered, takes a while to make, and is then a ZIP of CSV files on another
// host. Only one order a minute is allowed. So the cursor of a list contains the ids of all ordered reports, and every order is a page
// of its own: its cursor is in the Temporal history before the first wait begins. Alternatively, all users are listed, and the
// conversations of each user are requested.
//
// A conversation's own time of creation decides to which window it belongs. So a conversation in the reports of several windows is
// listed in only one. Messages are read newest first, following the links in the answers, and compared by id with the rows of the
// transcript.
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

// Definition is Freshchat. The limits of its REST API are not published ("vary by account and plan"), so the budget is a cautious
// guess. The list fetches users a hundred at a time, so nothing is left for Metadata.
var Definition = providers.Definition{
	Name:              "freshchat",
	Columns:           columns,
	Open:              open,
	Mapper:            openMapper,
	Check:             check,
	Normal:            normal,
	Push:              &push,
	RequestsPerSecond: 5,
	Prices:            prices,
	Blind:             blind,
	Keeper:            keeper{},
	LeastInterval:     leastInterval,
	LeastLag:          leastLag,
	Retention:         retention,
}

// lane is the source of messages.
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
	maxTail     = 14 // days; the ids of all reports of a window must fit into a cursor
)

type options struct {
	lane    lane
	users   bool // list by users instead of reports
	tail    int  // days of transcript after the window, in the transcript lane
	reports []string
	// How many reports the platform allows; 0 means that they are not counted. The vendor's pages contradict each other.
	perMinute, perDay int
}

// conversationReports are the reports about single conversations.
var conversationReports = []string{
	"CSAT-Score", "Conversation-Resolution-Label", "Conversation-Resolved", "Conversation-Agent-Assigned",
	"Conversation-Group-Assigned", "First-Response-Time", "Response-Time", "Resolution-Time",
}

// knownReports are all reports that Reports can order: those above and some that are large or not about conversations.
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
				return o, providers.Option(key, "must be a number of reports; 0 turns the limit off")
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
		return o, providers.Option(optionEnumeration, "must be reports in the lane transcript, because users have no transcripts; or use another lane")
	}
	if _, set := given[optionTail]; set && o.lane != laneTranscript {
		return o, providers.Option(optionTail, "applies only to the lane transcript; remove it, or set lane to transcript")
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
			return nil, providers.Option(optionReports, "must be none, or a list, separated by commas, of "+strings.Join(knownReports, ", "))
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
		return &providers.Setting{Key: "base_url", Reason: "missing; set it to the account's own chat address, for example https://acme.freshchat.com/v2"}
	case !ok:
		return &providers.Setting{Key: "base_url", Reason: "must be an absolute http or https address, for example https://acme.freshchat.com/v2"}
	case strings.Contains(strings.TrimSuffix(strings.TrimRight(u.Path, "/"), root), root):
		return &providers.Setting{Key: "base_url", Reason: "must end with /v2, without a path after it"}
	}
	_, err := readOptions(a.Options)
	return err
}

// root of the API, below the host.
const root = "/v2"

// account is one login. Its state only saves requests.
type account struct {
	http *rest.Client
	take func(context.Context, providers.Quota) error
	options
	scratch      func() (providers.File, error)
	reportCache  cache[*spool]   // reports, by their ids
	segmentCache cache[*segment] // by the ids of their reports
	blocks       blockCache
	linkCache    linkCache
	walks        walkCache
	systemUsers  sync.Map            // documents of system users, by id
	systemLock   *semaphore.Weighted // held while a system user is requested
	doubt        witness.Doubt       // of lists that nothing else confirms
	fruitless    atomic.Int32        // how many times in a row reading messages again found nothing new
	noBatch      atomic.Bool         // the account has no /users/fetch
	perPage      int                 // candidates for each page of a list
	concurrency  int                 // of a list's requests
	maxPacked    int64               // largest size of a report's files, as downloaded, in bytes
	maxUnpacked  int64               // and uncompressed
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
		Rate:      a.Rate, Watch: a.Watch,
	})
	if err != nil {
		return nil, fmt.Errorf("open account: %w", err)
	}
	p := &account{
		http: client, take: a.Take, options: o, scratch: a.Scratch, systemLock: semaphore.NewWeighted(1), perPage: pageSize, concurrency: 8,
		maxPacked: maxDownload, maxUnpacked: maxUnpackedBytes,
	}
	p.walks.turn = semaphore.NewWeighted(1)
	p.resetCaches()
	return p, nil
}

// How much of the reports is kept between the pages of lists, most of it on disk.
const (
	maxCachedReports  = 160 // three windows of a month
	maxCachedSegments = 8
	maxCacheBytes     = 2 << 30
)

func (a *account) resetCaches() {
	a.reportCache = cache[*spool]{maxEntries: maxCachedReports, maxBytes: maxCacheBytes, size: func(s *spool) int64 { return s.size + int64(s.index()) }}
	a.segmentCache = cache[*segment]{maxEntries: maxCachedSegments}
}
