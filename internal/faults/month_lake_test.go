package faults

import (
	stdcmp "cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/parquet"
	"github.com/chatlake/chatlake/schemas"
)

// version is what one record has of a conversation.
type version struct {
	state     int   // 0 whole, 1 dead, 2 gone
	source    int64 // -1 if there is none
	observed  int64 // in microseconds
	committed time.Time
	shard     string
	digest    string // of the content
	gone      bool   // its row says so
	tombstone bool   // the record has one of the whole conversation
	record    string // digest of the record
}

// byRule compares by the reader rule: the version that counts comes last.
func byRule(a, b version) int {
	return stdcmp.Or(
		stdcmp.Compare(b.state, a.state), stdcmp.Compare(a.source, b.source), stdcmp.Compare(a.observed, b.observed),
		a.committed.Compare(b.committed), strings.Compare(a.shard, b.shard),
	)
}

// standing is what a reader finds.
type standing struct {
	counts     map[string]version // by conversation id
	tombstones map[string]bool    // conversations of which some record has a tombstone
	watermark  time.Time
	records    []ledger.Record
}

// stand reads the lake as a reader does. It reads each record once.
func (m *month) stand() standing {
	m.t.Helper()
	records, err := m.lake.Current(m.t.Context(), ledger.Filter{})
	if err != nil {
		m.t.Fatal(err)
	}
	s := standing{counts: map[string]version{}, tombstones: map[string]bool{}, records: records, watermark: ledger.Watermark(records, ledger.OpenedSince(records))}
	for _, r := range records {
		if !r.Shard.Stream.HasConversations() {
			continue
		}
		all, ok := m.read[r.Digest]
		if !ok {
			all = m.versions(r)
			m.read[r.Digest] = all
			m.arrive(all, r.CommittedAt)
		}
		for id, v := range all {
			v.committed = r.CommittedAt
			if has, ok := s.counts[id]; !ok || byRule(has, v) < 0 {
				s.counts[id] = v
			}
			s.tombstones[id] = s.tombstones[id] || v.tombstone
		}
	}
	return s
}

// versions reads what a record has of each conversation, and complains if it has one twice.
func (m *month) versions(r ledger.Record) map[string]version {
	m.t.Helper()
	all := map[string]version{}
	row := func(id string, v version) {
		v.shard, v.record = r.Shard.String(), r.Digest
		has, twice := all[id]
		switch {
		case twice && (has.state == v.state || has.state > 0 && v.state > 0):
			m.t.Errorf("%s: conversation %s is there twice", r.Shard, id)
		case twice && v.state == 0:
			v.tombstone = has.tombstone
		case twice:
			has.tombstone = has.tombstone || v.tombstone
			v = has
		}
		all[id] = v
	}
	for _, f := range r.Files {
		switch f.Table {
		case "conversations":
			m.scan(f, func(c []parquet.Cell) {
				v := version{source: -1, observed: c[1].Integer, digest: c[3].Text, gone: !c[4].Null}
				if !c[2].Null {
					v.source = c[2].Integer
				}
				row(c[0].Text, v)
			}, "conversation_id", "observed_at", "source_version", "content_sha256", "gone_at")
		case "dead_letters":
			m.scan(f, func(c []parquet.Cell) {
				if c[0].Text != "" {
					row(c[0].Text, version{state: 1, source: -1, observed: c[1].Integer})
				}
			}, "conversation_id", "observed_at")
		case "tombstones":
			m.scan(f, func(c []parquet.Cell) {
				if c[2].Null {
					row(c[0].Text, version{state: 2, source: -1, observed: c[1].Integer, tombstone: true})
				}
			}, "conversation_id", "observed_at", "message_id")
		}
	}
	return all
}

// checkpointed compares current records with those of a reader that knows no checkpoints. Meanwhile nothing may be committed.
func (m *month) checkpointed(records []ledger.Record) {
	m.t.Helper()
	plain, err := ledger.New(m.lake.Store(), "", nil).CheckpointFrom(math.MaxInt).Current(m.t.Context(), ledger.Filter{})
	if diff := cmp.Diff(plain, records); err != nil || diff != "" {
		m.t.Fatalf("current records (-without +with checkpoints), %v:\n%s", err, diff)
	}
}

// look compares what a reader finds with what it found before, and with what the platform showed before the watermark.
func (m *month) look(after string) {
	m.t.Helper()
	m.looking.Lock()
	defer m.looking.Unlock()
	now := m.stand()
	if m.push == nil {
		m.checkpointed(now.records)
	}
	before := m.before
	m.before = now
	if now.watermark.Before(before.watermark) {
		m.t.Errorf("%s: the watermark went back from %s to %s", after, before.watermark, now.watermark)
	}
	for id, old := range before.counts {
		v, ok := now.counts[id]
		switch {
		case !ok:
			m.t.Errorf("%s: conversation %s is lost, which was %+v", after, id, old)
		case v.state > old.state || v.source < old.source || v.source == old.source && v.state == old.state && v.observed < old.observed:
			m.t.Errorf("%s: conversation %s is older than before:\nwas %+v\nis  %+v", after, id, old, v)
		}
	}
	kept := map[string]bool{}
	for _, r := range now.records {
		kept[r.Shard.String()] = true
	}
	for _, r := range before.records {
		if !kept[r.Shard.String()] {
			m.t.Errorf("%s: the window %s is lost", after, r.Shard)
		}
	}
	m.fresh(after, now)
}

// fresh checks that everything that the platform's signal had shown at the watermark is in the lake.
func (m *month) fresh(after string, now standing) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for number, at := range m.shown {
		if !at.Before(now.watermark.Add(-m.late)) {
			continue
		}
		delete(m.shown, number) // it stays as new
		id, exists := m.site.ID(number)
		if !exists {
			continue
		}
		if v, ok := now.counts[id]; !ok || v.observed < at.UnixMicro() && v.source < at.UnixMicro() {
			m.t.Errorf("%s: conversation %s changed at %s, the watermark is %s, and the lake has %+v (%t); it happened: %v", after, id, at, now.watermark, v, ok, m.story(id))
		}
	}
}

// settled compares the lake with the platform, row by row, after the last settle.
func (m *month) settled() {
	m.t.Helper()
	now := m.stand()
	m.checkpointed(now.records)
	all := schemas.Window{From: m.from, To: m.end.AddDate(1, 0, 0)}
	exist, wrong := map[string]bool{}, 0
	said, threads := m.messages(now), m.threads(now)
	followed := schemas.Window{From: ledger.OpenedSince(now.records), To: now.watermark}
	for _, id := range m.site.conversations(all) {
		exist[id] = true
		want, _ := m.site.thread(id, followed)
		digest := m.digest(want)
		v, ok := now.counts[id]
		same := v.digest == digest
		if got, ok := threads[id]; ok { // its documents are those of its rows
			same = v.digest == m.digest(got) && m.blurred(got) == m.blurred(want)
		}
		if ok && v.state == 0 && same && !v.gone && slices.Equal(said[id], words(want)) {
			continue
		}
		if wrong++; wrong <= 5 {
			m.difference(now, id, want)
			m.t.Errorf("conversation %s, created at %s, is not as on the platform: %+v (%t), want %s; %d messages, want %d; it happened: %v",
				id, want.Conversation.CreatedAt, v, ok, digest, len(said[id]), len(want.Messages), m.story(id))
		}
	}
	if wrong > 5 {
		m.t.Errorf("%d conversations are not as on the platform", wrong)
	}
	gone := 0
	for id, v := range now.counts {
		if exist[id] {
			continue
		}
		if gone++; v.state == 0 && !v.gone || !now.tombstones[id] {
			m.t.Errorf("conversation %s is gone from the platform, and the lake has %+v, tombstone %t; it happened: %v", id, v, now.tombstones[id], m.story(id))
		}
	}
	if gone == 0 {
		m.t.Error("no conversation is gone")
	}
	for _, r := range now.records {
		if findings, err := m.lake.VerifyRecord(m.t.Context(), r, true); err != nil || len(findings) > 0 {
			m.t.Errorf("%s: %v %v", r.Shard, findings, err)
		}
	}
	m.gapless(now)
	m.t.Logf("%d conversations as on the platform, %d gone, %d records", len(exist), gone, len(now.records))
}

// difference says in which columns the rows of a conversation differ from the platform's.
func (m *month) difference(now standing, id string, want schemas.Thread) {
	m.t.Helper()
	got, err := m.mapper.Thread(m.documents(now)[id])
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Errorf("%s (-platform +lake):\n%s", id, cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".ObservedAt" }, cmp.Ignore())))
}

// documents are those of each conversation in the record in which it counts.
func (m *month) documents(now standing) map[string][]schemas.Document {
	m.t.Helper()
	all := map[string][]schemas.Document{}
	for _, r := range now.records {
		if !r.Shard.Stream.HasConversations() {
			continue
		}
		for doc, err := range m.lake.Documents(m.t.Context(), r) {
			if err != nil {
				m.t.Fatal(err)
			}
			if now.counts[doc.ConversationID].record == r.Digest {
				all[doc.ConversationID] = append(all[doc.ConversationID], doc)
			}
		}
	}
	return all
}

// threads are the conversations of the lake, if something of them is blurred.
func (m *month) threads(now standing) map[string]schemas.Thread {
	m.t.Helper()
	if m.blurs == nil {
		return nil
	}
	all := map[string]schemas.Thread{}
	for id, docs := range m.documents(now) {
		if v := now.counts[id]; v.state > 0 || v.gone {
			continue
		}
		t, err := m.mapper.Thread(docs)
		if err != nil {
			m.t.Fatal(err)
		}
		all[id] = t
	}
	return all
}

// blurred is the digest of a thread without what is blurred.
func (m *month) blurred(t schemas.Thread) string {
	m.t.Helper()
	t.Participants = slices.Clone(t.Participants)
	for i := range t.Participants {
		t.Participants[i].Attributes = maps.Clone(t.Participants[i].Attributes)
	}
	m.blurs(&t)
	return m.digest(t)
}

// gapless checks that the windows of changes leave nothing out.
func (m *month) gapless(now standing) {
	m.t.Helper()
	var windows []schemas.Window
	for _, r := range now.records {
		if r.Shard.Stream == schemas.StreamChanges {
			windows = append(windows, r.Shard.Window)
		}
	}
	slices.SortFunc(windows, func(a, b schemas.Window) int { return a.From.Compare(b.From) })
	for i := 1; i < len(windows); i++ {
		if windows[i].From.After(windows[i-1].To) {
			m.t.Errorf("nothing has the changes from %s to %s", windows[i-1].To, windows[i].From)
		}
	}
}

// messages are the messages of each conversation in the record in which it counts.
func (m *month) messages(now standing) map[string][]string {
	said := map[string][]string{}
	for _, r := range now.records {
		for _, f := range r.Files {
			if f.Table != "messages" {
				continue
			}
			m.scan(f, func(c []parquet.Cell) {
				if now.counts[c[0].Text].record == r.Digest {
					said[c[0].Text] = append(said[c[0].Text], c[1].Text+" "+c[2].Text)
				}
			}, "conversation_id", "message_id", "text")
		}
	}
	return said
}

func words(t schemas.Thread) (all []string) {
	for _, m := range t.Messages {
		text := ""
		if m.Text != nil {
			text = *m.Text
		}
		all = append(all, m.MessageID+" "+text)
	}
	return all
}

// digest is the digest that the lake has to have of a thread.
func (m *month) digest(t schemas.Thread) string {
	m.t.Helper()
	t.Conversation.StoredMessages = int64(len(t.Messages))
	digest, err := t.Digest()
	if err != nil {
		m.t.Fatal(err)
	}
	return digest
}

// story is what happened to a conversation.
func (m *month) story(id string) (all []string) {
	for _, e := range m.happened {
		if e.id == id {
			all = append(all, fmt.Sprintf("%s %s", e.Kind, e.At.Format("01-02T15:04:05")))
		}
	}
	return all
}
