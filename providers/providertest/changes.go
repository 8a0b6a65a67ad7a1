package providertest

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Moving is a fake of a platform whose conversations change by a script.
type Moving struct {
	http.Handler
	// Until lets everything happen that the script says before a time, and sets the platform's clock to that time.
	Until func(time.Time)
	// Changed returns the ids of the conversations that the script has begun or changed so far and that still exist.
	Changed func() []string
	// Thread returns the correct content of the lake for a conversation, and false if it does not exist.
	Thread func(id string) (schemas.Thread, bool)
}

// ChangesCase is a provider that lists changes, with a platform that changes.
type ChangesCase struct {
	// Platform makes a new fake. The seed decides what happens to it.
	Platform func(t *testing.T, seed uint64) Moving
	Open     func(t *testing.T, baseURL string) providers.Reader
	// From is the beginning of the first window, Every the length of each, and Lag how long after its end it is listed. Everything in the
	// script happens in one of the windows.
	From       time.Time
	Every, Lag time.Duration
	Windows    int
	// Pace is how much time passes with each request.
	Pace  time.Duration
	Seeds int
	// Whole contains the times of creation of all conversations.
	Whole schemas.Window
	// Blind means that all events of the script are of a kind that Definition.Blind names, so that some must be missed.
	Blind bool
}

// Changes lists successive windows while the platform changes, and reads what has a new version as a sync does. In the end, every
// conversation that changed is as on the platform.
func Changes(t *testing.T, c ChangesCase) {
	missed, listed, changed := 0, 0, 0
	for seed := range uint64(c.Seeds) {
		s := &syncing{ChangesCase: c, t: t, seed: seed, dice: rand.New(rand.NewPCG(seed, 1)), Moving: c.Platform(t, seed), lake: map[string]held{}}
		server := httptest.NewServer(http.HandlerFunc(s.serve))
		s.url = server.URL
		m, l, n := s.run()
		server.Close()
		missed, listed, changed = missed+m, listed+l, changed+n
	}
	switch {
	case changed == 0:
		t.Error("no conversation changed")
	case !c.Blind && missed > 0:
		t.Errorf("%d of %d changed conversations have an older version", missed, changed)
	case c.Blind && missed == 0:
		t.Error("every change was seen, although Definition.Blind says that they are not")
	}
	t.Logf("%d seeds: %d changed conversations, %d listed, %d missed", c.Seeds, changed, listed, missed)
}

// held is a conversation in the lake of a test.
type held struct {
	ref  providers.Ref
	open bool
	text string
}

// syncing is a lake that follows a platform.
type syncing struct {
	ChangesCase
	Moving
	t    *testing.T
	seed uint64
	dice *rand.Rand
	url  string

	mu   sync.Mutex
	now  time.Time
	lake map[string]held
}

func (s *syncing) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pass(s.Pace)
	s.Handler.ServeHTTP(w, r)
}

func (s *syncing) pass(d time.Duration) {
	s.now = s.now.Add(d)
	s.Until(s.now)
}

func (s *syncing) run() (missed, listed, changed int) {
	s.now = s.From
	s.Until(s.now)
	s.settle()
	for i := range s.Windows {
		w := schemas.Window{From: s.From.Add(time.Duration(i) * s.Every), To: s.From.Add(time.Duration(i+1) * s.Every)}
		if late := w.To.Add(s.Lag).Sub(s.now); late > 0 {
			s.mu.Lock()
			s.pass(late)
			s.mu.Unlock()
		}
		listed += s.sync(w)
		if s.dice.IntN(4) == 0 {
			s.settle()
		}
	}
	for _, id := range s.Changed() {
		thread, ok := s.Thread(id)
		if !ok {
			continue
		}
		changed++
		if got := s.lake[id]; got.text != textOf(thread) {
			missed++
			if !s.Blind {
				s.t.Errorf("seed %d: conversation %s is in the lake as it was at version %q", s.seed, id, got.ref.Version)
			}
		}
	}
	return missed, listed, changed
}

// sync reads the changes of a window page by page. After some pages another process continues.
func (s *syncing) sync(w schemas.Window) (listed int) {
	reader, at := s.reader(), providers.Cursor("")
	for {
		var next providers.Cursor
		for page, err := range reader.Changes(s.t.Context(), w, known{s}, at) {
			if err != nil {
				s.t.Fatalf("seed %d: changes in %s from %q: %v", s.seed, w, at, err)
			}
			s.check(page)
			for _, ref := range page.Refs {
				listed++
				s.take(ref)
			}
			if next = page.Next; s.dice.IntN(3) == 0 {
				break
			}
		}
		if next == "" {
			return listed
		}
		reader, at = s.reader(), next
	}
}

// settle lists all conversations by their time of creation and reads those that have a new version.
func (s *syncing) settle() {
	for page, err := range s.reader().Conversations(s.t.Context(), s.Whole, "") {
		if err != nil {
			s.t.Fatalf("seed %d: %v", s.seed, err)
		}
		s.check(page)
		for _, ref := range page.Refs {
			s.take(ref)
		}
	}
}

type changingReader interface {
	providers.Reader
	providers.Changer
}

func (s *syncing) reader() changingReader {
	r, ok := s.Open(s.t, s.url).(changingReader)
	if !ok {
		s.t.Fatal("the provider does not list changes")
	}
	return r
}

// check checks the promises that a page makes.
func (s *syncing) check(page providers.Page) {
	s.t.Helper()
	if len(page.Next) > 200 {
		s.t.Errorf("the cursor has %d characters", len(page.Next))
	}
	if !slices.IsSortedFunc(page.Refs, func(a, b providers.Ref) int { return a.CreatedAt.Compare(b.CreatedAt) }) {
		s.t.Error("a page is not ascending by time of creation")
	}
	ofRefs(s.t, page.Documents, page.Refs)
	for _, ref := range page.Refs {
		if old := s.lake[ref.ID].ref.Version; len(ref.Version) > 64 || ref.Version != "" && ref.Version < old {
			s.t.Errorf("conversation %s has version %q after %q", ref.ID, ref.Version, old)
		}
	}
}

// take reads a listed conversation unless the lake has its version.
func (s *syncing) take(ref providers.Ref) {
	if old, known := s.lake[ref.ID]; known && ref.Version != "" && ref.Version == old.ref.Version {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	thread, ok := s.Thread(ref.ID)
	if !ok {
		delete(s.lake, ref.ID)
		return
	}
	s.lake[ref.ID] = held{ref: ref, open: thread.Conversation.State == nil || *thread.Conversation.State != "closed", text: textOf(thread)}
}

// known is what the lake has.
type known struct{ *syncing }

func (k known) Open(context.Context) iter.Seq2[providers.Ref, error] {
	return k.refs(func(c held) bool { return c.open })
}

// Seen yields everything: the lake of the test does not know when it has read a conversation.
func (k known) Seen(context.Context, time.Time) iter.Seq2[providers.Ref, error] {
	return k.refs(func(held) bool { return true })
}

func (k known) refs(wanted func(held) bool) iter.Seq2[providers.Ref, error] {
	var all []providers.Ref
	for _, c := range k.lake {
		if wanted(c) {
			all = append(all, c.ref)
		}
	}
	slices.SortFunc(all, func(a, b providers.Ref) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
	})
	return func(yield func(providers.Ref, error) bool) {
		for _, ref := range all {
			if !yield(ref, nil) {
				return
			}
		}
	}
}

func (k known) Find(_ context.Context, id string) (providers.Ref, bool, error) {
	c, ok := k.lake[id]
	return c.ref, ok, nil
}

func textOf(thread schemas.Thread) string {
	text, err := json.Marshal(thread)
	if err != nil {
		panic(err) // rows can be encoded
	}
	return strings.TrimSpace(string(text))
}
