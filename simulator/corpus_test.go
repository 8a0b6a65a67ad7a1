package simulator

import (
	"fmt"
	"runtime"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestSameSeedSameWorld(t *testing.T) {
	config := CorpusConfig{Seed: 42, Conversations: 300}
	a, b := NewCorpus(config), NewCorpus(config)
	config.Seed++
	other := NewCorpus(config)
	same := 0
	for i := range 300 {
		if diff := cmp.Diff(whole(a, i), whole(b, i)); diff != "" {
			t.Fatalf("conversation %d differs:\n%s", i, diff)
		}
		if cmp.Equal(whole(a, i), whole(other, i)) {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d of 300 conversations are the same under another seed", same)
	}
	for k := range a.People() {
		if diff := cmp.Diff(a.Person(k), b.Person(k)); diff != "" {
			t.Fatalf("person %d differs:\n%s", k, diff)
		}
	}
}

// TestSeedKeepsItsWorld pins one conversation, so that worlds stay the same from build to build.
func TestSeedKeepsItsWorld(t *testing.T) {
	c := NewCorpus(CorpusConfig{Seed: 1, Conversations: 1000})
	thread := c.Thread(500)
	got := fmt.Sprintf("%d %s %d %d %s", thread.CreatedAt.Unix(), thread.UUID, thread.Len(), thread.ID(0), c.Person(7).Name)
	if want := "1751458868 3863af70-1f26-49d3-9be1-bd355f09a8f5 1 62574 Vera Kowalski"; got != want {
		t.Errorf("conversation 500 of seed 1 is %s, want %s", got, want)
	}
}

// whole is a conversation with all its messages.
func whole(c *Corpus, i int) any {
	t := c.Thread(i)
	all := make([]Message, t.Len())
	for j := range all {
		all[j] = t.Message(j)
	}
	return struct {
		Conversation Conversation
		Messages     []Message
	}{t.Conversation, all}
}

func TestCreation(t *testing.T) {
	from, to := time.Date(2024, 11, 10, 0, 0, 0, 0, time.UTC), time.Date(2025, 3, 5, 12, 0, 0, 0, time.UTC)
	for _, n := range []int{0, 1, 2, 10, 3000} {
		c := NewCorpus(CorpusConfig{Seed: 3, Conversations: n, From: from, To: to})
		if c.Len() != n {
			t.Fatalf("%d conversations, want %d", c.Len(), n)
		}
		for i := range n {
			at := c.CreatedAt(i)
			if at.Before(from) || !at.Before(to) || i > 0 && at.Before(c.CreatedAt(i-1)) {
				t.Fatalf("conversation %d of %d was created %s", i, n, at)
			}
		}
	}
	c := NewCorpus(CorpusConfig{Seed: 3, Conversations: 3000, From: from, To: to})
	at := map[time.Time]int{}
	office, weekend, together := 0, 0, 0
	for i := range c.Len() {
		when := c.CreatedAt(i)
		at[when]++
		if at[when] == 2 {
			together++
		}
		if h := when.Hour(); h >= 8 && h < 18 {
			office++
		}
		if d := when.Weekday(); d == time.Saturday || d == time.Sunday {
			weekend++
		}
	}
	if c.CreatedAt(0) != from {
		t.Errorf("the first conversation was created %s, want %s", c.CreatedAt(0), from)
	}
	for _, month := range []time.Month{12, 13, 14, 15} {
		edge := time.Date(2024, month, 1, 0, 0, 0, 0, time.UTC)
		if at[edge] != 2 || at[edge.Add(-time.Second)] == 0 {
			t.Errorf("%d conversations at %s and %d in the second before, want 2 and some", at[edge], edge, at[edge.Add(-time.Second)])
		}
	}
	if office < 2400 || weekend > 600 || together < 30 {
		t.Errorf("%d of 3000 in office hours, %d at weekends, %d seconds with several", office, weekend, together)
	}
}

func TestNumbers(t *testing.T) {
	c := NewCorpus(CorpusConfig{Seed: 3, Conversations: 500})
	skipped := 0
	for number := int64(-2); number < c.NextNumber()+3; number++ {
		i, ok := c.Index(number)
		switch {
		case ok && (Number(i) != number || c.Outline(i).Number != number):
			t.Errorf("number %d is conversation %d, whose number is %d", number, i, Number(i))
		case !ok && number > 0 && number < c.NextNumber():
			skipped++
		}
	}
	if skipped != 13 {
		t.Errorf("%d numbers are skipped, want 13", skipped)
	}
}

func TestMessageIDs(t *testing.T) {
	c := NewCorpus(CorpusConfig{Seed: 3, Conversations: 1500, GiantMessages: 3000})
	owner := map[int64]int{}
	interleaved, gaps := 0, 0
	for i := range c.Len() {
		thread := c.Thread(i)
		for j := range thread.Len() {
			id := thread.ID(j)
			if first, taken := owner[id]; taken {
				t.Fatalf("message id %d is in conversations %d and %d", id, first, i)
			}
			owner[id] = i
			if j == 0 {
				continue
			}
			if id <= thread.ID(j-1) {
				t.Fatalf("conversation %d: id %d follows %d", i, id, thread.ID(j-1))
			}
			if id > thread.ID(j-1)+1 {
				gaps++
			}
		}
	}
	for id, i := range owner {
		if next, ok := owner[id+1]; ok && next != i {
			interleaved++
		}
		if id >= c.NextMessageID() {
			t.Errorf("message id %d is not below the next", id)
		}
	}
	if interleaved < len(owner)/3 || gaps < len(owner)/2 {
		t.Errorf("of %d messages %d have a neighbour of another conversation, %d a gap before them", len(owner), interleaved, gaps)
	}
}

// TestOddities: the world has every kind of thing that is difficult for readers.
func TestOddities(t *testing.T) {
	const n = 2000
	c := NewCorpus(CorpusConfig{Seed: 7, Conversations: n, GiantMessages: 5000})
	has := map[string]int{}
	total := 0
	for i := range n {
		thread := c.Thread(i)
		o := thread.Outline
		has["state "+string(o.State)]++
		has[fmt.Sprint("assignee kind ", o.Assignee.Kind)]++
		has[fmt.Sprint("channel ", o.ChannelID)]++
		has[fmt.Sprint("survey ", o.Survey)]++
		count(has, "empty", o.Messages == 0)
		count(has, "several hundred", o.Messages >= 200 && o.Messages < 1000)
		count(has, "giant", o.Messages == 5000)
		count(has, "without group", o.GroupID == 0)
		if p, ok := c.PersonByID(o.PersonID); !ok || p.CreatedAt.After(o.CreatedAt) {
			t.Errorf("conversation %d is by person %d, there %v, created %s", i, o.PersonID, ok, p.CreatedAt)
		} else {
			count(has, "anonymous", !p.Identified())
		}
		if o.Messages >= 1000 {
			continue
		}
		total += o.Messages
		for j := range thread.Len() {
			m := thread.Message(j)
			oddities(has, m)
			count(has, "back in time", j > 0 && thread.CreatedUnix(j) < thread.CreatedUnix(j-1))
			if m.ID != thread.ID(j) || m.Kind != thread.Kind(j) || m.CreatedAt.Unix() != thread.CreatedUnix(j) {
				t.Errorf("conversation %d, message %d does not agree with itself", i, j)
			}
			if m.CreatedAt.After(o.LastActivityAt) {
				t.Errorf("conversation %d, message %d comes after the last activity", i, j)
			}
		}
	}
	for _, want := range []string{
		"state open", "state closed", "state pending", "state snoozed", "assignee kind 0", "assignee kind 2", "assignee kind 3",
		"channel 4", "channel 5", "channel 6", "channel 8", "channel 9", "channel 11", "survey 0", "survey 1", "survey 2",
		"empty", "several hundred", "giant", "without group", "anonymous", "back in time", "deleted", "imported", "mail", "items",
		"reply", "no text", "empty text", "long text", "kind 0", "kind 1", "kind 2", "kind 3", "kind 4", "failed", "no author",
		"file image", "file audio", "file video", "file file", "file location", "file contact", "file share", "file fallback",
	} {
		if has[want] == 0 {
			t.Errorf("nothing in the world is: %s", want)
		}
	}
	if mean := float64(total) / n; mean < 7 || mean > 9 {
		t.Errorf("conversations have %.1f messages on average, want about 8", mean)
	}
	if has["giant"] != 1 {
		t.Errorf("%d giants, want 1", has["giant"])
	}
}

func count(has map[string]int, what string, is bool) {
	if is {
		has[what]++
	}
}

func oddities(has map[string]int, m Message) {
	has[fmt.Sprint("kind ", m.Kind)]++
	count(has, "deleted", m.Deleted)
	count(has, "imported", m.Imported)
	count(has, "mail", m.Mail != nil)
	count(has, "items", len(m.Items) > 0)
	count(has, "reply", m.ReplyTo != 0)
	count(has, "failed", m.Delivery == "failed")
	count(has, "no author", m.Kind == Out && m.Author.Kind == Nobody)
	count(has, "no text", m.Text == nil && !m.Deleted)
	count(has, "empty text", m.Text != nil && *m.Text == "")
	count(has, "long text", m.Text != nil && len(*m.Text) > 3000)
	for _, f := range m.Files {
		has["file "+f.Kind]++
	}
}

func TestTextsAreWhole(t *testing.T) {
	for _, s := range sentences {
		for _, r := range s {
			if r == 0 || r == utf8.RuneError {
				t.Errorf("%q has a NUL or is not UTF-8", s)
			}
		}
	}
}

// TestCorpusIsSmall: a million conversations take less memory than a list of their numbers.
func TestCorpusIsSmall(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := NewCorpus(CorpusConfig{Seed: 1, Conversations: 1_000_000})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 6<<20 {
		t.Errorf("a million conversations take %d bytes", used)
	}
	if allocs := testing.AllocsPerRun(100, func() { c.Outline(500_001) }); allocs > 0 {
		t.Errorf("an outline allocates %v times", allocs)
	}
}
