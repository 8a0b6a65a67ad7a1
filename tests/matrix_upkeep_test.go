package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
	"github.com/chatlake/chatlake/tests/lakesql"
)

// upkeep is something that keeps a lake as it should be, beside exports.
type upkeep struct {
	name   string
	about  string // what there is to do, for the page
	steps  []moment
	deaths []death
	// schedule is the schedule that is triggered; command is run instead if there is none.
	schedule string
	command  []string
	// prepare makes the lake and the site in which something is to be done. history does so with a worker that has schedules.
	prepare func(*stage) expected
	history func(*stage, temporal)
	// silent means that the platform must get no requests.
	silent bool
}

// expected is what readers must see in the end.
type expected struct {
	there []string // conversations, as the site has them
	gone  []string // conversations that the site no longer has, with their last version
	// shards are the shards that must have files, without their account; nil if that does not matter.
	shards []string
	// bare means that there are no data files but those that count.
	bare bool
}

// run plays a cell of the upkeep, or an undisturbed one if c is nil. It returns the requests besides those of the preparation, and what
// the histories have.
func (u *upkeep) run(t *testing.T, s *stage, c *cell, apart temporal) (asked map[string]int64, used usage) {
	want, before := u.prepare(s), map[string]int64{}
	arm := func() {
		maps.Copy(before, s.site.Stats().Endpoints)
		s.forget()
		if c != nil {
			c.arm(s)
		}
	}
	if u.schedule == "" {
		arm()
		u.runCommand(s, c)
	} else {
		used = u.runSchedule(s, c, apart, arm)
	}
	s.pending.Wait()
	asked = map[string]int64{}
	for endpoint, n := range s.site.Stats().Endpoints {
		if n > before[endpoint] {
			asked[endpoint] = n - before[endpoint]
		}
	}
	want.judge(t, s)
	return asked, used
}

// runCommand runs the command, and once more after a death.
func (u *upkeep) runCommand(s *stage, c *cell) {
	p := s.expose(u.command...)
	if c != nil {
		s.comes(p)
		_ = p.status(s.t) // it may have outlived the outage
		s.pending.Wait()
		p = s.start(u.command...)
	}
	p.succeed(s.t)
}

// runSchedule triggers the schedule, and starts another worker after the death of the first.
func (u *upkeep) runSchedule(s *stage, c *cell, apart temporal, arm func()) (used usage) {
	s.configureSync()
	if apart.process != nil {
		s.configureTemporal(apart.address)
	}
	worker := s.work(apart, s.expose)
	worker.ready(s.t)
	if u.history != nil {
		u.history(s, worker)
	}
	arm()
	s.trigger(u.schedule)
	if c != nil {
		s.comes(worker.process)
		if c.death.ends {
			if apart.process != nil {
				_ = worker.status(s.t)
			}
			worker.kill()
			worker = s.work(apart, s.start)
		}
	}
	worker.finish(s.t, u.schedule, 1)
	for kind, n := range worker.histories(s.t) {
		s.t.Logf("%s: %d runs, %d events, %d activities: %v", kind, n.runs, n.events, n.activities, n.kinds)
		used.add(n)
	}
	worker.terminate()
	worker.succeed(s.t)
	return used
}

// work starts a worker, with its own server unless there is one apart.
func (s *stage) work(apart temporal, start func(...string) *process) temporal {
	if apart.process != nil {
		return temporal{start("worker"), apart.port, apart.address}
	}
	port := freePort(s.t)
	return temporal{start("worker", "--ui-port", strconv.Itoa(port)), port, ""}
}

// ready waits until the worker has made its schedules.
func (s temporal) ready(t *testing.T) {
	t.Helper()
	for began := time.Now(); time.Since(began) < patience; time.Sleep(100 * time.Millisecond) {
		var page struct{ Schedules []struct{ ScheduleID string } }
		s.ask(t, s.schedules(""), &page)
		if len(page.Schedules) == 3 { // sync, settle and maintain
			return
		}
	}
	t.Fatalf("no schedules in %s:\n%s", patience, tail(s.out.Bytes()))
}

// trigger starts a run of a schedule. The answer may be lost with the server.
func (s *stage) trigger(schedule string) {
	s.t.Helper()
	p := s.start("schedule", "trigger", schedule)
	if status := p.status(s.t); status != 0 {
		select {
		case <-s.struck:
		default:
			s.t.Fatalf("schedule trigger ended with status %d:\n%s", status, tail(p.out.Bytes()))
		}
	}
}

// finish waits until the runs of a schedule have ended, at least so many of them, and all without an error.
func (s temporal) finish(t *testing.T, schedule string, least int) {
	t.Helper()
	for began := time.Now(); time.Since(began) < patience; time.Sleep(200 * time.Millisecond) {
		var page struct {
			Executions []struct {
				Execution struct{ WorkflowID, RunID string }
				Status    string
			}
		}
		s.ask(t, s.workflows("?pageSize=1000"), &page)
		ended, running := 0, 0
		for _, run := range page.Executions {
			id := run.Execution.WorkflowID
			switch {
			case !strings.HasPrefix(id, schedule):
			case strings.HasSuffix(run.Status, "_RUNNING"):
				running++
			case !strings.HasSuffix(run.Status, "_COMPLETED"):
				t.Fatalf("%s ended as %s", id, run.Status)
			default:
				ended++
			}
		}
		if ended >= least && running == 0 {
			return
		}
	}
	t.Fatalf("no end of %s in %s:\n%s", schedule, patience, tail(s.out.Bytes()))
}

func (s temporal) schedules(rest string) string {
	return fmt.Sprintf("http://127.0.0.1:%d/api/v1/namespaces/default/schedules%s", s.port, rest)
}

// backfill runs a schedule as if at its times in a window.
func (s temporal) backfill(t *testing.T, schedule string, w schemas.Window) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"patch": map[string]any{"backfillRequest": []any{map[string]any{
		"startTime": w.From, "endTime": w.To, "overlapPolicy": "SCHEDULE_OVERLAP_POLICY_BUFFER_ALL",
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	to := s.schedules("/" + url.PathEscape(schedule) + "/patch")
	page, err := http.Get(s.schedules("")) // the UI wants its own cookie back
	if err != nil {
		t.Fatal(err)
	}
	page.Body.Close()
	ask, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range page.Cookies() {
		ask.AddCookie(cookie)
		if cookie.Name == "_csrf" {
			ask.Header.Set("X-CSRF-Token", cookie.Value)
		}
	}
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		t.Fatalf("POST %s: %s %s", to, answer.Status, text)
	}
}

// judge reads the lake by the reader rule.
func (e expected) judge(t *testing.T, s *stage) {
	t.Helper()
	lake := openLake(t, s.root)
	c := contents{threads: map[string]*schemas.Thread{}, documents: map[string][]document{}}
	var names []string
	for _, stream := range []string{"created", "changes"} {
		lake.Stream = stream
		shards, err := lake.Shards(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, shard := range shards {
			lake.Shard = shard
			c.add(readContents(t, lake))
			names = append(names, strings.TrimPrefix(shard, "acme/"))
		}
		lake.Shard = ""
	}
	if e.shards != nil && !slices.Equal(e.shards, names) {
		t.Errorf("shards with files: %q, want %q", names, e.shards)
	}
	if e.bare {
		e.judgeFiles(t, s, lake)
	}
	for _, id := range e.gone {
		th := c.threads[id]
		switch {
		case th == nil:
			t.Errorf("conversation %s, which is gone from the site, is gone from the lake", id)
		case th.Conversation.GoneAt == nil || !slices.ContainsFunc(c.tombstones, func(r schemas.Tombstone) bool { return r.ConversationID == id }):
			t.Errorf("conversation %s is gone from the site, and the lake does not say so", id)
		}
		delete(c.threads, id)
	}
	c.tombstones = slices.DeleteFunc(c.tombstones, func(r schemas.Tombstone) bool { return slices.Contains(e.gone, r.ConversationID) })
	if len(c.tombstones) > 0 {
		t.Errorf("%d other conversations are gone", len(c.tombstones))
	}
	c.sameThreads(t, s.site, e.there, []string{"conversation", "messages"})
	sameDirectory(t, lake, s.site)
}

func (e expected) judgeFiles(t *testing.T, s *stage, lake *lakesql.Lake) {
	t.Helper()
	lake.Stream = ""
	var want, got []string
	for _, shape := range schemas.Shapes() {
		files, err := lake.Files(t.Context(), shape.Table)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, files...)
	}
	for _, key := range objects(s.root) {
		if strings.HasPrefix(key, "data/") {
			got = append(got, filepath.Join(s.root, filepath.FromSlash(key)))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("there are %d data files, and %d count", len(got), len(want))
	}
}

// add adds the contents of another shard. Of a conversation in both, the newest version counts.
func (c *contents) add(o contents) {
	for id, th := range o.threads {
		if had := c.threads[id]; had != nil {
			if a, b := had.Conversation, th.Conversation; *a.SourceVersion > *b.SourceVersion || *a.SourceVersion == *b.SourceVersion && a.ObservedAt.After(b.ObservedAt) {
				continue
			}
		}
		c.threads[id], c.documents[id] = th, o.documents[id]
	}
	c.tombstones = append(c.tombstones, o.tombstones...)
	c.deadLetters = append(c.deadLetters, o.deadLetters...)
}

// reply adds a message of now to a conversation.
func reply(t *testing.T, site *chatwoot.Site, id string) {
	t.Helper()
	number, _ := strconv.ParseInt(id, 10, 64)
	if _, ok := site.AddMessage(number, simulator.Message{Kind: simulator.In, Text: new("Are you still there?")}); !ok {
		t.Fatalf("the site has no conversation %s", id)
	}
}

// toSync is a lake with a history. Since then, some conversations got a message and two began.
func toSync(s *stage) expected {
	s.start(exportJanuary...).succeed(s.t)
	ids := s.site.Conversations(january)
	for i := 0; i < len(ids); i += 4 {
		reply(s.t, s.site, ids[i])
	}
	for range 2 {
		number := s.site.InsertConversation(simulator.Conversation{}, simulator.Message{Kind: simulator.In, Text: new("Hello")})
		ids = append(ids, strconv.FormatInt(number, 10))
	}
	time.Sleep(2 * time.Second) // a sync stays a second behind the clock
	return expected{there: ids}
}

// toSettle is a lake with a month in two windows, which a settle makes one. Since then, a conversation got a message and one was
// deleted.
func toSettle(s *stage) expected {
	for _, w := range [][2]string{{"2025-01-01", "2025-01-11"}, {"2025-01-11", "2025-02-01"}} {
		s.start("export", "--account", "acme", "--from", w[0], "--to", w[1]).succeed(s.t)
	}
	ids := s.site.Conversations(january)
	reply(s.t, s.site, ids[3])
	number, _ := strconv.ParseInt(vanishing, 10, 64)
	if !s.site.DeleteConversation(number) {
		s.t.Fatalf("the site has no conversation %s", vanishing)
	}
	return expected{there: slices.DeleteFunc(ids, func(id string) bool { return id == vanishing }), gone: []string{vanishing}}
}

// vanishing is the conversation that is deleted.
const vanishing = "20"

// toMaintain is a site whose conversations changed on two days of a month that has long ended. Syncs of these days make two windows,
// which become one.
func toMaintain(s *stage) expected {
	ids, first := s.site.Conversations(january), syncedFrom()
	for i, id := range ids {
		number, _ := strconv.ParseInt(id, 10, 64)
		s.site.UpdateConversation(number, func(c *simulator.Conversation) {
			c.UpdatedAt = first.Add(time.Duration(i) * 48 * time.Hour / time.Duration(len(ids)))
		})
	}
	const form = "2006-01-02T15:04:05Z"
	return expected{there: ids, shards: []string{"changes/" + first.Format(form) + "~" + first.Add(48*time.Hour).Format(form)}}
}

// syncedFrom is where the first of two daily syncs begins.
func syncedFrom() time.Time {
	now := time.Now().UTC()
	return time.Date(now.Year(), now.Month()-2, 10, 0, 0, 0, 0, time.UTC).Add(-time.Second)
}

func syncTwoDays(s *stage, server temporal) {
	first := syncedFrom()
	server.backfill(s.t, "sync/acme", schemas.Window{From: first.Add(12 * time.Hour), To: first.Add(60 * time.Hour)})
	server.finish(s.t, "sync/acme", 2)
}

// toVacuum is a lake whose month was copied twice, long ago.
func toVacuum(s *stage) expected {
	s.start(exportJanuary...).succeed(s.t)
	s.start(append(slices.Clone(exportJanuary), "--refresh")...).succeed(s.t)
	long := time.Now().AddDate(0, 0, -3)
	err := filepath.WalkDir(filepath.Join(s.root, "data"), func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			err = os.Chtimes(name, long, long)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return expected{there: s.site.Conversations(january), bare: true}
}
