package providertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// List is one list of a platform and how to read all of it.
type List struct {
	Platform http.Handler // does not change
	Open     func(t *testing.T, baseURL string) providers.Reader
	Match    func(*http.Request) bool // the requests for its pages
	// Rows and Next are the paths of the rows and of the link to the next page in an answer. If Rows is nil, the answer is an
	// array; if Next is nil, the list has no links.
	Rows, Next []string
	// Read reads the list as an export does, and returns the ids in it. An export would show the error.
	Read func(ctx context.Context, p providers.Reader) (ids, unwitnessed []string, err error)
	// Unwitnessed are the expected names of Page.Unwitnessed.
	Unwitnessed []string
	// Flaws are the flaws to try; nil means all.
	Flaws []string
	// Blocks means that a single flaw may make the list fail for now, with an error.
	Blocks bool
}

// flaw changes page n, given all pages of the list.
type flaw struct {
	name  string
	spoil func(l List, pages [][]byte, n int) []byte
}

// The flaws of a page.
const (
	PageBefore    = "the page before"
	PageAfter     = "the page after"
	NoRows        = "no rows"
	HalfOfTheRows = "half of the rows"
	NoNext        = "no link to the next page"
)

var flaws = []flaw{
	{PageBefore, func(_ List, pages [][]byte, n int) []byte { return other(pages, n, -1) }},
	{PageAfter, func(_ List, pages [][]byte, n int) []byte { return other(pages, n, 1) }},
	{NoRows, func(l List, pages [][]byte, n int) []byte { return edit(pages[n], l.Rows, firstOf(0)) }},
	{HalfOfTheRows, func(l List, pages [][]byte, n int) []byte { return edit(pages[n], l.Rows, firstOf(2)) }},
	{NoNext, func(l List, pages [][]byte, n int) []byte {
		if l.Next == nil {
			return pages[n]
		}
		return edit(pages[n], l.Next, func(json.RawMessage) json.RawMessage { return json.RawMessage("null") })
	}},
}

// Witness replaces every page of a list once by a flawed one: by another page of the list, by an empty or a short page, by a page
// without a link. The list must be read completely all the same.
func Witness(t *testing.T, l List) {
	var fault struct {
		sync.Mutex
		pages [][]byte // as answered, in the order of the requests
		body  []byte   // instead of the answer to request number n
		n     int
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !l.Match(r) {
			l.Platform.ServeHTTP(w, r)
			return
		}
		held := httptest.NewRecorder()
		l.Platform.ServeHTTP(held, r)
		fault.Lock()
		defer fault.Unlock()
		body := held.Body.Bytes()
		if fault.body != nil && len(fault.pages) == fault.n && held.Code == http.StatusOK {
			body = fault.body
		}
		fault.pages = append(fault.pages, held.Body.Bytes())
		maps.Copy(w.Header(), held.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(held.Code)
		_, _ = io.Copy(w, bytes.NewReader(body))
	}))
	t.Cleanup(server.Close)
	want, unwitnessed, err := l.Read(t.Context(), l.Open(t, server.URL))
	if err != nil || len(want) == 0 {
		t.Fatalf("%d rows, %v", len(want), err)
	}
	if got := sorted(unwitnessed); !slices.Equal(slices.Compact(got), l.Unwitnessed) {
		t.Errorf("the unwitnessed lists are %v, want %v", got, l.Unwitnessed)
	}
	clean, flawed := slices.Clone(fault.pages), 0
	for _, f := range flaws {
		if l.Flaws != nil && !slices.Contains(l.Flaws, f.name) {
			continue
		}
		for n := range clean {
			body := f.spoil(l, clean, n)
			if bytes.Equal(body, clean[n]) {
				continue
			}
			flawed++
			fault.pages, fault.n, fault.body = nil, n, body
			got, _, err := l.Read(t.Context(), l.Open(t, server.URL))
			switch missing := missing(want, got); {
			case err != nil && !l.Blocks:
				t.Errorf("%s instead of page %d of %d: %v", f.name, n+1, len(clean), err)
			case err == nil && missing > 0:
				t.Errorf("%s instead of page %d of %d: %d of %d rows are missing", f.name, n+1, len(clean), missing, len(want))
			}
		}
	}
	if flawed == 0 {
		t.Error("no flaw changes any page")
	}
	t.Logf("%d requests, %d flawed pages", len(clean), flawed)
}

// ListAsExport lists windows one after the other as an export does. It lists a window again, up to four times, if the list fails or
// has fewer conversations than the provider counts.
func ListAsExport(ctx context.Context, p providers.Reader, windows ...schemas.Window) (ids, unwitnessed []string, err error) {
	for _, w := range windows {
		found := map[string]bool{}
		const attempts = 4
		for attempt := 1; ; attempt++ {
			err = listOnce(ctx, p, w, found, &unwitnessed)
			if err == nil {
				break
			}
			if attempt == attempts {
				return nil, nil, err
			}
		}
		ids = append(ids, slices.Collect(maps.Keys(found))...)
	}
	return ids, unwitnessed, nil
}

func listOnce(ctx context.Context, p providers.Reader, w schemas.Window, found map[string]bool, unwitnessed *[]string) error {
	for page, err := range p.Conversations(ctx, w, "") {
		if err != nil {
			return err
		}
		for _, ref := range page.Refs {
			found[ref.ID] = true
		}
		*unwitnessed = append(*unwitnessed, page.Unwitnessed...)
	}
	counter, ok := p.(providers.Counter)
	if !ok {
		return nil
	}
	n, err := counter.Count(ctx, w)
	if err == nil && n > int64(len(found)) {
		err = fmt.Errorf("the provider counts %d conversations and lists %d", n, len(found))
	}
	return err
}

// ReadMessages lists a window, fetches and maps its conversations, and returns the ids of their messages, each after the
// conversation's id.
func ReadMessages(ctx context.Context, p providers.Reader, mapper providers.Mapper, w schemas.Window) (ids, unwitnessed []string, err error) {
	var refs []providers.Ref
	docs := map[string][]schemas.Document{}
	for page, err := range p.Conversations(ctx, w, "") {
		if err != nil {
			return nil, nil, err
		}
		refs, unwitnessed = append(refs, page.Refs...), append(unwitnessed, page.Unwitnessed...)
		for _, doc := range page.Documents {
			docs[doc.ConversationID] = append(docs[doc.ConversationID], doc)
		}
	}
	for doc, err := range p.Messages(ctx, refs) {
		if err != nil {
			return nil, nil, err
		}
		docs[doc.ConversationID] = append(docs[doc.ConversationID], doc)
	}
	for id, of := range docs {
		thread, err := mapper.Thread(of)
		if err != nil {
			return nil, nil, fmt.Errorf("conversation %s: %w", id, err)
		}
		for _, m := range thread.Messages {
			ids = append(ids, id+" "+m.MessageID)
		}
	}
	return ids, unwitnessed, nil
}

// ReadDirectory returns a function that reads a directory as an export does, and returns the ids of its rows, each after its kind.
func ReadDirectory(mapper providers.SnapshotMapper) func(context.Context, providers.Reader) (ids, unwitnessed []string, err error) {
	return func(ctx context.Context, p providers.Reader) (ids, unwitnessed []string, err error) {
		return readDirectory(ctx, p, mapper)
	}
}

func readDirectory(ctx context.Context, p providers.Reader, mapper providers.SnapshotMapper) (ids, unwitnessed []string, err error) {
	d, ok := p.(providers.Directory)
	if !ok {
		return nil, nil, errors.New("the provider has no directory")
	}
	for page, err := range d.Directory(ctx, "") {
		if err != nil {
			return nil, nil, err
		}
		unwitnessed = append(unwitnessed, page.Unwitnessed...)
		for _, doc := range page.Documents {
			s, err := mapper.Snapshot(doc)
			if err != nil {
				return nil, nil, err
			}
			for _, row := range s.Agents {
				ids = append(ids, "agent "+row.AgentID)
			}
			for _, row := range s.Contacts {
				ids = append(ids, "contact "+row.ContactID)
			}
			for _, row := range s.Groups {
				ids = append(ids, "group "+row.GroupID)
			}
			for _, row := range s.Channels {
				ids = append(ids, "channel "+row.ChannelID)
			}
			for _, row := range s.Fields {
				ids = append(ids, "field "+row.FieldID)
			}
			for _, row := range s.Labels {
				ids = append(ids, "label "+row.LabelID)
			}
			for _, row := range s.Ratings {
				ids = append(ids, "rating "+row.RatingID)
			}
		}
	}
	return ids, unwitnessed, nil
}

// other returns the nearest different page before page n (step -1) or after it (step 1).
func other(pages [][]byte, n, step int) []byte {
	for i := n + step; i >= 0 && i < len(pages); i += step {
		if !bytes.Equal(pages[i], pages[n]) {
			return pages[i]
		}
	}
	return pages[n]
}

func missing(want, got []string) (n int) {
	for _, id := range want {
		if !slices.Contains(got, id) {
			n++
		}
	}
	return n
}

// firstOf keeps the first 1/part of an array, or nothing if part is 0.
func firstOf(part int) func(json.RawMessage) json.RawMessage {
	return func(was json.RawMessage) json.RawMessage {
		var rows []json.RawMessage
		if json.Unmarshal(was, &rows) != nil {
			return was
		}
		keep := 0
		if part > 0 {
			keep = len(rows) / part
		}
		changed, _ := json.Marshal(rows[:keep]) // what was read can be written
		return changed
	}
}

// edit changes the member of a body at a path. It returns a body without that member unchanged.
func edit(body []byte, path []string, with func(json.RawMessage) json.RawMessage) []byte {
	if len(path) == 0 {
		return with(body)
	}
	members := map[string]json.RawMessage{}
	if json.Unmarshal(body, &members) != nil || members[path[0]] == nil {
		return body
	}
	was := members[path[0]]
	if members[path[0]] = edit(was, path[1:], with); strings.TrimSpace(string(was)) == string(members[path[0]]) {
		return body
	}
	changed, _ := json.Marshal(members) // what was read can be written
	return changed
}
