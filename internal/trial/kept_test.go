package trial

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// newKeptPlan draws the plan of an account that is kept up to date.
func newKeptPlan(d *rand.Rand) plan {
	upTo := func(n int) int { return d.IntN(n + 1) }
	some := func(most float64) float64 {
		if d.IntN(3) == 0 {
			return 0
		}
		return most * d.Float64()
	}
	p := plan{
		kept: true, conversations: upTo(4), pageSize: 1 + upTo(2), chunk: 1 + upTo(2), chunks: 1 + upTo(2), parallel: 1 + upTo(2),
		messages: 1, metadata: float64(upTo(1)), flag: true, counts: d.IntN(2) == 0,
		faults: some(0.04), mishaps: upTo(40), zombies: some(0.3), lost: some(0.2),
		changes: upTo(14), kills: upTo(2), anew: upTo(1), dense: max(0, upTo(5)-4), actions: 2 + upTo(7),
		window: []string{"day", "month"}[d.IntN(2)], versions: []string{"fine", "seconds", "seconds", "none"}[d.IntN(4)],
		stale: some(0.6), second: "none", keeps: d.IntN(3) == 0,
	}
	if d.IntN(5) == 0 {
		p.fileBytes = 1000
	}
	if d.IntN(2) == 0 {
		p.terminations = upTo(2)
	}
	return p
}

// keepUp opens the desk of a world.
func (w *world) keepUp() {
	d := &desk{w: w, view: view{}, files: cache{}, reported: map[string][]string{}, settings: activities.SyncSettings{
		Every: 15 * time.Minute, Lag: 2 * time.Second}}
	for _, hours := range []time.Duration{1, 5, 10, 15, 20, 28, 36, 45, 54} {
		d.settings.Settle = append(d.settings.Settle, hours*time.Hour)
	}
	w.desk = d
	for range w.plan.conversations {
		d.add(history.From.Add(time.Duration(w.dice.IntN(47))*time.Hour), w.dice.IntN(3))
	}
}

// keep lets schedules and people act on an account, one after the other and beside each other, and then lets it come to rest. At every
// moment, look compares what readers see with what they saw before.
func (w *world) keep() {
	for w.plan.actions > 0 && len(w.wrong) == 0 {
		w.plan.actions--
		w.act()
		w.schedule()
	}
	if len(w.wrong) == 0 {
		w.rest()
	}
}

// act is what a schedule or a person does.
func (w *world) act() {
	d := w.dice
	if left := deskCloses.Sub(w.clock()); left > 8*time.Hour && d.IntN(3) > 0 {
		w.desk.leap(time.Duration(d.Int64N(int64(14 * time.Hour))).Truncate(time.Second))
	}
	now := w.clock().Truncate(time.Second)
	if d.IntN(5) == 0 {
		now = now.Add(-time.Duration(d.IntN(40)) * time.Minute) // the run is late
	}
	n := len(w.intents)
	switch d.IntN(10) {
	case 0, 1, 2:
		w.launch(fmt.Sprint("sync", n), syncs, now)
	case 3:
		w.launch(fmt.Sprint("sync", n, "a"), syncs, now)
		w.launch(fmt.Sprint("sync", n, "b"), syncs, now.Add(-time.Duration(d.IntN(2))*time.Minute))
	case 4, 5, 6:
		w.launch(fmt.Sprint("settle", n), settles, now)
		if d.IntN(3) == 0 {
			w.launch(fmt.Sprint("settle", n, "b"), settles, now)
		}
	case 7:
		w.launch(fmt.Sprint("maintain", n), upkeeps, now)
	case 8:
		w.vacuum(fmt.Sprint("vacuum.", w.steps, ".", n))
	default:
		w.want(fmt.Sprint("export", n), "", history)
	}
}

// launch starts a sync, a settle or a maintenance.
func (w *world) launch(name string, does kind, nominal time.Time) *intent {
	i := w.intent(name, does)
	i.nominal = nominal
	i.begin(w, nil)
	return i
}

// rest ends the mishaps, syncs and settles for the last time, and compares the lake with the desk.
func (w *world) rest() {
	w.plan = w.plan.calm()
	d := w.desk
	// Days before the first sync are up to exports.
	w.want("history", "", schemas.Window{From: history.From, To: w.clock().Truncate(24 * time.Hour)})
	w.schedule()
	d.leap(time.Minute)
	w.complete(syncs)
	w.fresh()
	w.finds()
	d.leap(max(0, deskCloses.Add(settled+time.Minute).Sub(w.clock())))
	w.complete(upkeeps) // before a settle has everything
	d.settings.Settle = []time.Duration{settled}
	w.race()
	again := deskCloses.Sub(history.From) // so that also the oldest window, which ended long before the race, is due after it
	d.settings.Settle = []time.Duration{settled + again}
	d.leap(again)
	w.complete(settles)
	w.truth()
	stood := w.store.lasting()
	if i := w.complete(settles); len(w.wrong) == 0 && (i.now.kept.Planned > 0 || !maps.Equal(stood, w.store.lasting())) {
		w.fail("settled again, %d windows are not settled", i.now.kept.Planned)
	}
	d.leap(60 * 24 * time.Hour) // all months have ended
	w.complete(upkeeps)
	w.truth()
	d.leap(120 * 24 * time.Hour)
	w.clean() // a vacuum leaves shards that have staged objects
	w.vacuum("last vacuum")
	w.schedule()
	w.truth()
	w.tidy()
}

// race runs the last settles beside a sync, while conversations get replies and are deleted: they begin when the sync has begun. What was
// gone before a window was settled for the last time must then be seen as gone.
func (w *world) race() {
	if len(w.wrong) > 0 {
		return
	}
	d := w.desk
	d.closes, w.plan.changes = true, 6
	for range d.all { // so that there is something to sync
		d.happen()
		d.leap(time.Second)
	}
	d.leap(time.Minute)
	runs := []*intent{w.launch("race sync", syncs, w.clock().Truncate(time.Second))}
	d.then = func() { runs = append(runs, w.launch("race settle", settles, w.clock().Truncate(time.Second))) }
	w.schedule()
	d.then, w.plan.changes = nil, 0
	for _, i := range runs {
		if r := i.now; len(w.wrong) == 0 && (r.err != nil || len(r.kept.Failed) > 0) {
			w.fail("%s: %+v %v", r.name, r.kept, r.err)
		}
	}
	for left := true; left && len(w.wrong) == 0; {
		d.leap(10 * time.Minute) // clocks may differ by so much
		left = w.complete(settles).now.kept.Planned > 0
	}
	d.look()
	for _, c := range d.all {
		var opened time.Time
		for _, l := range w.latest() {
			if r := l.record; r.Shard.Stream.IsByCreation() && r.Shard.Window.Contains(c.created) && r.OpenedAt != nil && r.OpenedAt.After(opened) {
				opened = *r.OpenedAt
			}
		}
		i := len(c.life) - 1
		if r, ok := d.view[c.id]; ok && c.last().gone && c.index(opened) == i && !r.gone {
			w.fail("settled for the last time, and conversation %s, which was gone before, is seen alive", c.id)
		}
	}
}

// vacuum starts a vacuum of the lake.
func (w *world) vacuum(name string) {
	a := w.begin(nil, name)
	go func() {
		defer w.over(a)
		vacuumed, err := w.lake().Vacuum(context.WithValue(context.Background(), attemptKey{}, a), "", grace, true)
		w.note("%s: %+v %v", name, vacuumed, err)
	}()
}

// grace is how long superseded files are kept.
const grace = 24 * time.Hour

// tidy checks that the last maintenance and the last vacuum have left no file that only older generations name.
func (w *world) tidy() {
	if len(w.wrong) > 0 {
		return
	}
	current := map[string]bool{}
	for _, c := range w.latest() {
		for _, f := range c.record.Files {
			current[f.Key] = true
		}
	}
	for key := range w.store.named() {
		if _, stands := w.store.objects[key]; stands && !current[key] {
			w.fail("after a vacuum %s is still there", key)
		}
	}
}

// complete runs a sync, a settle or a maintenance to its end, which must be complete.
func (w *world) complete(does kind) *intent {
	i := w.launch(fmt.Sprint("last ", does, len(w.intents)), does, w.clock().Truncate(time.Second))
	w.schedule()
	if r := i.now; len(w.wrong) == 0 && (r.err != nil || len(r.kept.Failed) > 0) {
		w.fail("%s: %+v %v", r.name, r.kept, r.err)
	}
	return i
}

// view is what readers see of each conversation.
type view map[string]row1

// row1 is what a reader takes for a conversation.
type row1 struct {
	id       string
	state    int // of the chat; if it is gone, the one in which it was gone
	gone     bool
	messages int
	source   int64
	observed time.Time
	reports  []string
	by       int // index of the commit
}

// cache is the rows of records, by the digest of the record.
type cache map[string]recordRows

type recordRows struct {
	rows    []row1
	without map[string]bool // ids with a tombstone or a dead letter and no row
	dead    map[string]bool
}

// look compares what readers see after each commit with what they saw before.
func (d *desk) look() {
	w := d.w
	w.store.mu.Lock()
	commits := slices.Clone(w.store.commits)
	w.store.mu.Unlock()
	for ; d.seen < len(commits); d.seen++ {
		before := d.view
		d.view = d.readers(commits[:d.seen+1])
		c := commits[d.seen]
		at := fmt.Sprintf("after generation %d of %s", c.record.Generation, c.record.Shard)
		for id, was := range before {
			now, ok := d.view[id]
			switch {
			case !ok:
				w.fail("%s: conversation %s is nowhere any more", at, id)
			case now.state < was.state:
				w.fail("%s: conversation %s is seen in state %d, and was in %d", at, id, now.state, was.state)
			}
		}
		for _, r := range d.rows(c.record).rows {
			d.reported[r.id] = append(d.reported[r.id], r.reports...)
		}
		d.follows(at, commits[:d.seen], c)
		if c.record.Cause == ledger.CauseSettle && c.record.OpenedAt != nil {
			d.settled(at, c)
			d.newest(at, commits[:d.seen], c)
		}
	}
}

// settled checks after a settle that what was gone before it is not seen alive, unless somebody committed it meanwhile.
func (d *desk) settled(at string, c commit) {
	for _, chat := range d.all {
		opened := *c.record.OpenedAt
		i := chat.index(opened)
		r, ok := d.view[chat.id]
		if !c.record.Shard.Window.Contains(chat.created) || i < 0 || !ok {
			continue
		}
		if chat.life[i].gone && chat.index(c.clock) == i && !r.gone && d.w.store.commits[r.by].clock.Before(opened) {
			d.w.fail("%s: conversation %s was gone before, and is seen alive", at, chat.id)
		}
	}
}

// follows checks that a record replaces the one that it says, which is the generation before.
func (d *desk) follows(at string, before []commit, c commit) {
	digest := ""
	for _, b := range before {
		if b.record.Shard == c.record.Shard && b.record.Generation == c.record.Generation-1 {
			digest = b.record.Digest
		}
	}
	if c.record.Rewrites != digest {
		d.w.fail("%s: it was made to replace %.8q, and replaces %.8q", at, c.record.Rewrites, digest)
	}
}

// newest checks that a settle has no conversation in an older version than the lake had when the shard was opened.
func (d *desk) newest(at string, before []commit, c commit) {
	i := slices.IndexFunc(before, func(b commit) bool { return !b.clock.Before(*c.record.OpenedAt) })
	if i < 0 {
		i = len(before)
	}
	had := d.readers(before[:i])
	for _, r := range d.rows(c.record).rows {
		if was, ok := had[r.id]; ok && r.source < was.source {
			d.w.fail("%s: conversation %s is of an older version than what was there when it was opened", at, r.id)
		}
	}
}

// finds checks that the index of the lake has of each conversation what readers see.
func (w *world) finds() {
	if len(w.wrong) > 0 {
		return
	}
	shard := ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: schemas.StreamCreated, Window: history}
	known, err := w.lake().Known(context.Background(), shard, 1)
	if err != nil {
		w.fail("the index of the lake: %v", err)
		return
	}
	for id, r := range w.desk.view {
		v, ok, err := known.Find(context.Background(), id, time.Time{})
		if err != nil || !ok || !v.ObservedAt.Equal(r.observed) || v.Gone != r.gone {
			w.fail("readers see conversation %s as observed at %s, and the index has %s, %v", id, r.observed.UTC(), v.ObservedAt, err)
		}
	}
}

// readers is what the reader rule gives for a ledger: of each shard the newest generation, of each conversation the newest version.
func (d *desk) readers(commits []commit) view {
	newest := map[ledger.Shard]int{}
	for i, c := range commits {
		if at, ok := newest[c.record.Shard]; !ok || commits[at].record.Generation < c.record.Generation {
			newest[c.record.Shard] = i
		}
	}
	v := view{}
	for _, i := range newest {
		for _, r := range d.rows(commits[i].record).rows {
			r.by = i
			was, ok := v[r.id]
			if !ok || cmp.Or(cmp.Compare(r.source, was.source), r.observed.Compare(was.observed), cmp.Compare(r.by, was.by)) > 0 {
				v[r.id] = r
			}
		}
	}
	return v
}

// rows reads the files of a record, and checks that they are true.
func (d *desk) rows(r ledger.Record) recordRows {
	if found, ok := d.files[r.Digest]; ok {
		return found
	}
	at := fmt.Sprintf("generation %d of %s", r.Generation, r.Shard)
	found := recordRows{without: map[string]bool{}, dead: map[string]bool{}}
	in := map[string]int{}
	messages := map[string]int{}
	tombstones := 0
	d.w.store.mu.Lock()
	defer d.w.store.mu.Unlock()
	for _, f := range r.Files {
		reader, err := file.NewParquetReader(bytes.NewReader(d.w.store.objects[f.Key].body))
		if err != nil {
			d.w.fail("read %s: %v", f.Key, err)
			continue
		}
		for g := range reader.NumRowGroups() {
			group := reader.RowGroup(g)
			place := func(name string) int { return reader.MetaData().Schema.ColumnIndexByName(name) }
			ids := column[parquet.ByteArray](d.w, group, place("conversation_id"))
			switch f.Table {
			case "conversations":
				subject := nullable[parquet.ByteArray](d.w, group, place("subject"))
				reports := nullable[parquet.ByteArray](d.w, group, place("status"))
				source := nullable[int64](d.w, group, place("source_version"))
				gone := nullable[int64](d.w, group, place("gone_at"))
				observed := column[int64](d.w, group, place("observed_at"))
				for i, id := range ids {
					found.rows = append(found.rows, d.row(at, string(id), string(*subject[i]), *source[i], time.UnixMicro(observed[i]), gone[i]))
					if reports[i] != nil {
						found.rows[len(found.rows)-1].reports = strings.Fields(string(*reports[i]))
					}
					in[string(id)]++
				}
			case "messages":
				for _, id := range ids {
					messages[string(id)]++
				}
			case "tombstones", "dead_letters":
				for _, id := range ids {
					found.without[string(id)] = true
					found.dead[string(id)] = found.dead[string(id)] || f.Table == "dead_letters"
				}
				if f.Table == "tombstones" {
					tombstones += len(ids)
				}
			}
		}
		_ = reader.Close()
	}
	for i := range found.rows {
		row := found.rows[i]
		if in[row.id] > 1 {
			d.w.fail("%s: conversation %s is in it %d times", at, row.id, in[row.id])
		}
		if messages[row.id] != row.messages {
			d.w.fail("%s: conversation %s has %d messages, and in this state it had %d", at, row.id, messages[row.id], row.messages)
		}
		delete(found.without, row.id)
		delete(messages, row.id)
	}
	if len(messages) > 0 {
		d.w.fail("%s: messages of conversations that are not there: %v", at, slices.Collect(maps.Keys(messages)))
	}
	n := r.Counts
	if n.Listed != n.Conversations+n.Gone+n.Dead+n.Unchanged || int(n.Conversations+n.Kept) != len(found.rows) || int(n.Gone) != tombstones {
		d.w.fail("%s: the record says %+v, and it has %d rows and %d tombstones", at, n, len(found.rows), tombstones)
	}
	d.files[r.Digest] = found
	return found
}

// row checks one row against the desk.
func (d *desk) row(at, id, subject string, source int64, observed time.Time, gone *int64) row1 {
	r := row1{id: id, source: source, observed: observed, gone: gone != nil}
	number, stale := strings.CutSuffix(subject, staleMark)
	r.state, _ = strconv.Atoi(number)
	c := d.find(id)
	if c == nil || r.state >= len(c.life) {
		d.w.fail("%s: there is no conversation %s in state %s", at, id, subject)
		return r
	}
	r.messages = c.life[r.state].messages
	if r.gone {
		r.state = c.index(time.UnixMicro(*gone))
		if r.state < 0 || !c.life[r.state].gone {
			d.w.fail("%s: conversation %s is gone at %s, and lived", at, id, time.UnixMicro(*gone).UTC().Format(time.DateTime))
		}
	} else if !stale && c.index(observed) != r.state {
		d.w.fail("%s: conversation %s is in state %d, and was in state %d when it was observed", at, id, r.state, c.index(observed))
	}
	return r
}

// fresh checks that the lake has every change that came before the watermark, as far as lists show it.
func (w *world) fresh() {
	if len(w.wrong) > 0 {
		return
	}
	w.desk.look()
	var begin, watermark time.Time
	dead := map[string]bool{}
	for _, c := range w.latest() {
		maps.Copy(dead, w.desk.rows(c.record).dead)
		if s := c.record.Shard; s.Stream == schemas.StreamChanges {
			if begin.IsZero() || s.Window.From.Before(begin) {
				begin = s.Window.From
			}
			if s.Window.To.After(watermark) {
				watermark = s.Window.To
			}
		}
	}
	for _, c := range w.desk.all {
		if c.last().gone || dead[c.id] {
			continue
		}
		shown := -1
		for i, m := range c.life {
			if m.blind {
				continue
			}
			if !m.changed.Before(begin) && m.changed.Before(watermark) {
				shown = i
			}
		}
		if r, ok := w.desk.view[c.id]; shown >= 0 && (!ok || r.state < shown) {
			w.fail("synced until %s: conversation %s is seen in state %d, and the list shows state %d", watermark.Format(time.DateTime), c.id, r.state, shown)
		}
	}
}

// truth checks that readers see what the desk has, and what it had of conversations that are gone.
func (w *world) truth() {
	if len(w.wrong) > 0 {
		return
	}
	w.desk.look()
	for _, c := range w.desk.all {
		r, ok := w.desk.view[c.id]
		last := len(c.life) - 1
		switch {
		case !ok && !c.last().gone:
			w.fail("settled, and conversation %s is nowhere", c.id)
		case ok && c.last().gone && !r.gone:
			w.fail("settled, and conversation %s, which is gone, is seen in state %d", c.id, r.state)
		case ok && r.state != last:
			w.fail("settled, and conversation %s is seen in state %d of %d", c.id, r.state, last)
		}
	}
	w.keeps()
	for _, c := range w.latest() {
		findings, err := w.lake().VerifyRecord(context.Background(), c.record, true)
		if err != nil || len(findings) > 0 {
			w.fail("generation %d of %s: %v %v", c.record.Generation, c.record.Shard, findings, err)
		}
	}
}

// nullable reads an optional column of a row group.
func nullable[V any](w *world, group *file.RowGroupReader, at int) []*V {
	reader, err := group.Column(at)
	if err != nil {
		w.fail("read column %d: %v", at, err)
		return nil
	}
	batch, ok := reader.(interface {
		ReadBatch(int64, []V, []int16, []int16) (int64, int, error)
	})
	if !ok {
		w.fail("column %d has another type", at)
		return nil
	}
	all := make([]*V, 0, group.NumRows())
	for int64(len(all)) < group.NumRows() {
		left := group.NumRows() - int64(len(all))
		values, levels := make([]V, left), make([]int16, left)
		n, _, err := batch.ReadBatch(left, values, levels, nil)
		if err != nil || n == 0 {
			w.fail("read column %d: %v", at, err)
			return nil
		}
		next := 0
		for _, level := range levels[:n] {
			if level == 0 {
				all = append(all, nil)
				continue
			}
			all = append(all, &values[next])
			next++
		}
	}
	return all
}
