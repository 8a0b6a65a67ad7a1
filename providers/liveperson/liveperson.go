// Package liveperson reads one account of LivePerson through the Messaging Interactions API, or one consumer's own history
// through the Consumer Messaging History API.
// Hosts come from the domain service, and all services share one gate. A window is listed by the start times of conversations,
// oldest first, in pages by offset. The list is not a snapshot: each page therefore begins one row before the end of the previous
// one, and rows that may have moved are read again. The server widens windows to ten minutes, so this package filters rows by the
// window itself. It never follows links in bodies. Whole records are fetched by id, a hundred per request.
//
// It must not know the lake, Temporal, another platform, or the environment.
package liveperson

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/witness"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Definition is LivePerson. Its limits are not published: the budget is a cautious guess.
var Definition = providers.Definition{
	Name:              "liveperson",
	Columns:           columns,
	Open:              open,
	Mapper:            openMapper,
	Check:             check,
	Normal:            normal,
	Push:              &push,
	BaseURL:           domainService,
	RequestsPerSecond: 5,
	Prices:            prices,
	Retention:         retention,
	Blind: []string{
		"updates that do not move latestUpdateTime; the platform does not say which these are",
		"a second update that moves latestUpdateTime but not lastUpdateTime, within ten minutes of the first",
		"everything that comes after the end of a conversation, if its record has no lastUpdateTime and no sync listed it",
		"messages that a consumer gets after the end of a conversation, in mode consumer",
	},
	Batch: batchSize,
	Secrets: []string{
		secretClientID, secretClientSecret, secretAppKey, secretAppSecret, secretAccessToken, secretAccessSecret,
		secretUsername, secretPassword,
	},
	TokenOptional: true,
}

// domainService returns the hosts of all other services. "Domain API".
const domainService = "https://api.liveperson.net"

// retentionMonths is from "Conversations", Messaging Interactions API: "retention time 13 months".
const retentionMonths = 13

func retention(providers.Account, schemas.Stream) schemas.Retention {
	return schemas.Retention{Months: retentionMonths}
}

// batchSize is the number of records fetched by id per request. pageSize is the maximum number of rows on a page. "Get
// conversation by conversation ID" and "Conversations", Messaging Interactions API.
const (
	batchSize = 100
	pageSize  = 100
)

// The options of an account.
const (
	optionMode       = "mode"
	optionSource     = "source"
	optionContent    = "content"
	optionSDEVersion = "sde_version"
	optionStatus     = "status"
	optionOffsetCap  = "offset_cap"
	optionState      = "state"
	optionSort       = "sort"
	optionPageSize   = "page_size"
	optionScheme     = "consumer_scheme"

	modeAccount  = "account"
	modeConsumer = "consumer"

	startAscending = "start:asc"
)

// standard is the content that is returned by default, optional the content that is returned only if it is named. A request that
// names anything must name everything. "Conversations", Messaging Interactions API, contentToRetrieve.
var (
	standard = []string{
		"campaign", "messageRecords", "agentParticipants", "agentParticipantsLeave", "agentParticipantsActive",
		"consumerParticipants", "transfers", "interactions", "messageScores", "messageStatuses", "conversationSurveys",
		"coBrowseSessions", "summary", "sdes",
	}
	optional = []string{
		"unAuthSdes", "monitoring", "dialogs", "responseTime", "skillChanges", "intents", "uniqueIntents",
		"latestAgentSurvey", "previouslySubmittedAgentSurveys",
	}
)

type options struct {
	consumer   bool
	source     string
	content    []string // kinds to retrieve
	sdeVersion string
	status     []string
	offsetCap  int
	state      string
	sort       string
	pageSize   int
	scheme     string
}

// readers parse the options by name. Each returns the reason why a text is invalid, or "".
var readers = map[string]func(o *options, text string) string{
	optionMode: func(o *options, text string) string {
		o.consumer = text == modeConsumer
		return unless(o.consumer || text == modeAccount, "must be account or consumer")
	},
	optionSource: func(o *options, text string) string {
		o.source = text
		return unless(sourceForm.MatchString(text), "must be 1 to 20 letters, digits and underscores: it names the caller")
	},
	optionContent: func(o *options, text string) string {
		o.content = slices.Clone(standard)
		for _, kind := range words(text) {
			if !kindForm.MatchString(kind) {
				return "must be a list of kinds, separated by commas; there are " + strings.Join(optional, ", ")
			}
			if !slices.Contains(o.content, kind) {
				o.content = append(o.content, kind)
			}
		}
		return ""
	},
	optionSDEVersion: func(o *options, text string) string {
		o.sdeVersion = text
		return unless(text == "1" || text == "2", "must be 1 or 2")
	},
	optionStatus: func(o *options, text string) string {
		o.status = words(text)
		known := len(o.status) > 0 && !slices.ContainsFunc(o.status, func(s string) bool { return s != "OPEN" && s != "CLOSE" })
		return unless(known, "must be OPEN, CLOSE or OPEN,CLOSE")
	},
	optionOffsetCap: func(o *options, text string) (reason string) {
		o.offsetCap, reason = between(text, pageSize, 1_000_000)
		return reason
	},
	optionState: func(o *options, text string) string {
		o.state = strings.Join(words(text), ",")
		return unless(stateForm.MatchString(o.state), "must be close, archive or close,archive")
	},
	optionSort: func(o *options, text string) string {
		o.sort = text
		return unless(sortForm.MatchString(text), "must be start or end, a colon, and asc or desc")
	},
	optionPageSize: func(o *options, text string) (reason string) {
		o.pageSize, reason = between(text, 1, pageSize)
		return reason
	},
	optionScheme: func(o *options, text string) string {
		o.scheme = text
		return unless(schemeForm.MatchString(text), "must be one word, such as Bearer or jwt, or empty")
	},
}

var (
	sourceForm = regexp.MustCompile(`^[a-zA-Z0-9_]{1,20}$`)
	kindForm   = regexp.MustCompile(`^[a-zA-Z]{1,64}$`)
	stateForm  = regexp.MustCompile(`^(?i:close|archive|open)(?i:,(close|archive|open))*$`)
	sortForm   = regexp.MustCompile(`^(start|end):(asc|desc)$`)
	schemeForm = regexp.MustCompile(`^[a-zA-Z]{0,20}$`)
	idForm     = regexp.MustCompile(`^[a-zA-Z0-9_]{1,40}$`)
)

func unless(fine bool, reason string) string {
	if fine {
		return ""
	}
	return reason
}

// words splits a list separated by commas.
func words(list string) []string {
	var all []string
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.TrimSpace(word); word != "" {
			all = append(all, word)
		}
	}
	return all
}

func between(text string, low, high int) (int, string) {
	n, err := strconv.Atoi(text)
	return n, unless(err == nil && n >= low && n <= high, fmt.Sprintf("must be a number from %d to %d", low, high))
}

func readOptions(given map[string]string) (options, error) {
	o := options{
		source: "chatlake", content: slices.Concat(standard, optional), sdeVersion: "2", status: []string{"OPEN", "CLOSE"},
		offsetCap: 9_500, state: "archive", sort: startAscending, pageSize: 50, scheme: "Bearer",
	}
	for key, text := range given {
		read, ok := readers[key]
		if !ok {
			return o, providers.UnknownOption(key, slices.Sorted(maps.Keys(readers))...)
		}
		if reason := read(&o, text); reason != "" {
			return o, providers.Option(key, reason)
		}
	}
	return o, nil
}

func check(a providers.Account) error {
	if _, ok := providers.ParseAddress(a.BaseURL); !ok {
		return &providers.Setting{Key: "base_url", Reason: "must be the absolute http or https address of the domain service: " + domainService}
	}
	if !idForm.MatchString(a.AccountID) {
		return &providers.Setting{Key: "account_id", Reason: "must be the account's number, as in the address of the agent workspace"}
	}
	o, err := readOptions(a.Options)
	if err != nil {
		return err
	}
	_, err = chooseSecrets(a, o)
	return err
}

// account is one login. It keeps only hosts, tokens, and how deep the platform lists.
type account struct {
	id string
	options
	hosts      hosts
	keys       keys
	doubt      *witness.Doubt
	depthLimit atomic.Int64 // the lowest end of a page that the platform refused; 0 means none
}

func open(a providers.Account) (providers.Reader, error) {
	if err := check(a); err != nil {
		return nil, err
	}
	o, err := readOptions(a.Options)
	if err != nil {
		return nil, err
	}
	base, err := rest.New(rest.Config{BaseURL: a.BaseURL, UserAgent: "chatlake", Rate: a.Rate, Watch: a.Watch})
	if err != nil {
		return nil, fmt.Errorf("open account: %w", err)
	}
	scheme, _, _ := strings.Cut(a.BaseURL, ":")
	p := &account{id: a.AccountID, options: o, doubt: &witness.Doubt{}}
	p.hosts = hosts{domain: base, account: a.AccountID, scheme: strings.ToLower(scheme), taken: make(chan struct{}, 1), known: map[string]*rest.Client{}, sign: sign}
	p.keys, err = p.chooseKeys(a)
	return p, err
}

// sign adds the key that ask has put into the context. No host gets credentials that are not meant for it.
func sign(r *http.Request) error {
	if key, ok := r.Context().Value(keyOfRequest{}).(key); ok {
		return key.sign(r)
	}
	return nil
}
