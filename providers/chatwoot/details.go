package chatwoot

import (
	"context"
	"hash/fnv"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// detailing is the option details: whether each conversation's own page is requested.
type detailing string

const (
	detailsAlways detailing = "true"
	detailsNever  detailing = "false"
	// detailsAuto requests the pages of a sample. All pages are requested once one has said more than the list.
	detailsAuto detailing = "auto"
)

func readDetailing(text string) (detailing, error) {
	if text == string(detailsAuto) {
		return detailsAuto, nil
	}
	always, err := strconv.ParseBool(text)
	if err != nil {
		return "", providers.Option(optionDetails, "must be auto, true or false")
	}
	return detailing(strconv.FormatBool(always)), nil
}

const (
	// sampledOfInbox is how many pages of each inbox an account requests before it leaves out those of other conversations.
	sampledOfInbox = 3
	// sampledOf is the number of conversations of which the page of one is requested, however many were sampled before.
	sampledOf = 100
	// samplesAtOnce is how many pages are requested at the same time.
	samplesAtOnce = 8
)

// sampled is what the pages of conversations have been seen to say, compared with the list. It lasts as long as the account is open. Every
// list samples again, so another process comes to its own conclusion.
type sampled struct {
	mu    sync.Mutex
	clean map[string]int // by inbox: pages that say no more than the list
	more  bool           // a page said more
	pages carried
}

// needed reports whether all pages must be requested.
func (s *sampled) needed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.more
}

// OmitNothing makes the account request the pages of all conversations.
func (a *account) OmitNothing() { a.sampled.note("", saysMore) }

// pick returns the indexes of the conversations of a list whose pages are requested: some of each inbox, and one in a hundred, by a hash of
// the id and the version.
func (s *sampled) pick(page *providers.Page) (picked []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.more {
		return nil
	}
	of := map[string]int{}
	for i, ref := range page.Refs {
		inbox := inboxOf(page.Documents[i].Body)
		sum := fnv.New32a()
		_, _ = sum.Write([]byte(ref.ID + "\n" + ref.Version)) // never fails
		if s.clean[inbox]+of[inbox] < sampledOfInbox || sum.Sum32()%sampledOf == 0 {
			of[inbox]++
			picked = append(picked, i)
		}
	}
	return picked
}

// note records what the comparison of a page with the list has shown.
func (s *sampled) note(inbox string, v verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch v {
	case saysMore:
		s.more = true
	case saysNoMore:
		if s.clean == nil {
			s.clean = map[string]int{}
		}
		s.clean[inbox]++
	}
}

func inboxOf(row value) string { return wire.Word(wire.Field(row, "inbox_id")) }

// verdict is what a comparison of a page with a row of the list shows.
type verdict int

const (
	undecided verdict = iota // the conversation may have changed between the two answers
	saysNoMore
	saysMore
)

// spare finds out which conversations of a list page need not be asked for their own pages, and says so in their hints. page has one
// document for each Ref: its row. number is that of the page in the order of creation, so that its rows can be requested anew, or noPage.
func (a *account) spare(ctx context.Context, page *providers.Page, number int) error {
	if a.details != detailsAuto || len(page.Refs) == 0 {
		return nil
	}
	picked := a.sampled.pick(page)
	seen := make([]sight, len(picked))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(samplesAtOnce)
	for k, i := range picked {
		group.Go(func() (err error) {
			seen[k], err = a.look(within, page.Refs[i].ID, page.Documents[i].Body, number)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	omission := providers.Omission{Document: kindDetails}
	keep := map[int]schemas.Document{}
	for k, i := range picked {
		a.sampled.note(inboxOf(page.Documents[i].Body), seen[k].verdict)
		if seen[k].verdict != undecided {
			omission.Asked++
		}
		if seen[k].verdict == saysMore {
			keep[i] = seen[k].doc
		}
	}
	omission.More = a.sampled.needed()
	var documents []schemas.Document
	for i := range page.Refs {
		ref := &page.Refs[i]
		documents = append(documents, page.Documents[i])
		doc, kept := keep[i]
		h := hint{last: ref.Hint}
		switch {
		case kept:
			documents = append(documents, doc)
			h.page = pageRead
		case !omission.More:
			h.page = pageSpared
			omission.Omitted++
		}
		ref.Anew = omission.More // the lake may have it from the list alone
		if a.sampled.pages.whole() {
			switch h.page {
			case pageSpared:
				h.page = pageWhole
			case "":
				h.page = pageBoth
			}
		}
		ref.Hint = h.text()
	}
	page.Documents = documents
	page.Omitted = append(page.Omitted, omission)
	return nil
}

// sight is the page of a conversation and what it says compared with the list.
type sight struct {
	doc schemas.Document
	verdict
}

// noPage is the number of a page that cannot be requested anew.
const noPage = 0

// look requests the page of a conversation and compares it with its row of the list.
func (a *account) look(ctx context.Context, id string, raw value, number int) (sight, error) {
	doc, err := a.ownPage(ctx, id)
	if rest.Gone(err) {
		return sight{}, nil // the fetch will find that it is gone
	}
	if err != nil {
		return sight{}, err
	}
	s := sight{doc, compare(raw, doc.Body)}
	listed, _ := readRow(raw)
	if s.verdict == saysMore && listed.updatedAt == nil { // the server does not show whether it was updated meanwhile
		if s.verdict = undecided; number != noPage {
			if s, err = a.lookAgain(ctx, id, number); err != nil {
				return s, err
			}
		}
	}
	return s, a.compareMessages(ctx, id, doc)
}

// lookAgain compares the page with the list once more, both anew.
func (a *account) lookAgain(ctx context.Context, id string, number int) (sight, error) {
	p, err := a.ask(ctx, number)
	if err != nil {
		return sight{}, err
	}
	at := slices.IndexFunc(p.rows, func(r row) bool { return r.id == id })
	if at < 0 {
		return sight{}, nil
	}
	doc, err := a.ownPage(ctx, id)
	if rest.Gone(err) {
		return sight{}, nil
	}
	return sight{doc, compare(p.rows[at].raw, doc.Body)}, err
}

// ownPage requests the page of one conversation. If the answer is that it is gone, the document comes with the error.
// app/views/api/v1/conversations/partials/_conversation.json.jbuilder: it contains at most the last message.
func (a *account) ownPage(ctx context.Context, id string) (schemas.Document, error) {
	op := "details of conversation " + id
	answer, err := a.get(ctx, op, "/conversations/"+url.PathEscape(id), nil)
	if err == nil && wire.Fields(answer.Body) == nil {
		err = rest.Malformed(op, wire.ErrShape)
	}
	return rest.Document(kindDetails, id, answer), err
}

// compare compares the page of a conversation with its row of the list.
func compare(listed, page value) verdict {
	had, ok := wire.Tree(listed)
	has, ok2 := wire.Tree(page)
	if !ok || !ok2 {
		return undecided
	}
	if !adds(had, has) {
		return saysNoMore
	}
	before, _ := readRow(listed)
	after, _ := readRow(page)
	if before.version() != after.version() {
		return undecided
	}
	return saysMore
}

// messagesOf are the fields with copies of messages, which have rows of their own.
var messagesOf = []string{"messages", "last_non_activity_message"}

// restless are the fields that change although nothing is written in the conversation: what was seen by whom, who is online, and times that
// its version has.
var restless = []string{
	"unread_count", "agent_last_seen_at", "assignee_last_seen_at", "contact_last_seen_at", "availability_status", "can_reply",
	"updated_at", "timestamp", "last_activity_at", "waiting_since",
}

// adds reports whether a JSON value says something that another does not say. Nulls and empty texts say nothing.
func adds(had, has any) bool {
	if silent(has) {
		return false
	}
	switch has := has.(type) {
	case map[string]any:
		had, _ := had.(map[string]any)
		for key, v := range has {
			old, there := had[key]
			if slices.Contains(messagesOf, key) || there && slices.Contains(restless, key) {
				continue
			}
			if adds(old, v) {
				return true
			}
		}
		return had == nil
	case []any:
		had, ok := had.([]any)
		if !ok || len(had) < len(has) {
			return true
		}
		for i := range has {
			if adds(had[i], has[i]) {
				return true
			}
		}
		return false
	}
	return had != has
}

func silent(v any) bool { return v == nil || v == "" }
