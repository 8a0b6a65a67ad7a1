package trial

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// judge compares the lake, read by the reader rule, with the platform.
func (w *world) judge() {
	ctx := context.Background()
	records, err := w.lake().Current(ctx, ledger.Filter{})
	if err != nil {
		w.fail("the ledger cannot be read: %v", err)
		return
	}
	var windows []schemas.Window
	for _, r := range records {
		windows = append(windows, r.Shard.Window)
		findings, err := w.lake().VerifyRecord(ctx, r, true)
		if err != nil || len(findings) > 0 {
			w.fail("generation %d of %s: %v %v", r.Generation, r.Shard, findings, err)
			return
		}
		w.judgeRecord(r)
	}
	for _, gap := range (schemas.Window{From: first, To: last}).Without(windows) {
		w.fail("nothing covers %s", gap)
	}
	for i, a := range windows {
		for _, b := range windows[i+1:] {
			if w.cutBeside {
				break // one of two shards found the window too dense and the other did not: readers take the newer rows
			}
			if a.From.Before(b.To) && b.From.Before(a.To) {
				w.fail("%s and %s both count", a, b)
			}
		}
	}
	for _, i := range w.intents {
		if i.done && i.kind == shards && !i.now.shard.Split {
			w.judgeIntent(i)
		}
	}
	for _, r := range w.runs {
		if r.export.Complete {
			w.judgeComplete(r)
		}
	}
}

// judgeIntent checks that what a run reports as committed or adopted exists, and is what was asked for.
func (w *world) judgeIntent(i *intent) {
	commit := i.now.shard.Commit
	shard := w.shardInput(i.window, i.refresh, i.policy).Shard
	for _, c := range w.store.commits {
		if c.record.Shard != shard || c.record.Generation != commit.Generation {
			continue
		}
		asked := activities.SpecDigest("spec", shard, i.refresh)
		if c.record.Counts != commit.Counts || c.record.SpecDigest != asked && (i.refresh != "" || commit.Outcome != "adopted") {
			w.fail("%s says %+v, and the record %+v was made to another wish", i.name, commit, c.record.Counts)
		}
		return
	}
	w.fail("%s says %+v, and there is no such generation", i.name, commit)
}

// judgeComplete checks that a run that reports Complete is complete.
func (w *world) judgeComplete(r *run) {
	if r.err != nil || len(r.export.Gaps)+len(r.export.Failed) > 0 || r.export.Totals.Dead+int64(r.export.Totals.Flagged) > 0 {
		w.fail("%s says that it is complete: %+v", r.name, r.export)
	}
}

// judgeRecord compares one committed shard with the platform.
func (w *world) judgeRecord(r ledger.Record) {
	at := fmt.Sprintf("generation %d of %s", r.Generation, r.Shard)
	i := slices.IndexFunc(w.store.commits, func(c commit) bool { return c.record.Digest == r.Digest && c.record.Generation == r.Generation })
	if i < 0 {
		w.fail("%s: nobody committed it", at)
		return
	}
	began, ended := w.store.commits[i].by.started, w.store.commits[i].at
	rows := w.rows(r)
	inside := map[string]string{}
	kept := map[string]bool{} // gone or dead, and still there in their last version
	for _, table := range []string{"conversations", "tombstones", "dead_letters"} {
		for _, row := range rows[table] {
			if other := inside[row.id]; other == "conversations" && r.Generation > 1 {
				kept[row.id] = true
			} else if other != "" {
				w.fail("%s: conversation %s is in %s and in %s", at, row.id, other, table)
			}
			inside[row.id] = table
		}
	}
	messages := map[string][]int64{}
	for _, row := range rows["messages"] {
		messages[row.id] = append(messages[row.id], row.sequence)
	}
	for _, c := range w.platform.all {
		if !c.created.Before(r.Shard.Window.From) && c.created.Before(r.Shard.Window.To) {
			// What the generation before had as gone or dead is asked for by id again.
			w.judgeConversation(at, c, inside[c.id], kept[c.id] || r.Generation > 1 && inside[c.id] != "conversations", messages[c.id], began, ended)
		} else if inside[c.id] != "" {
			w.fail("%s: conversation %s is of another window", at, c.id)
		}
		delete(messages, c.id)
	}
	if len(messages) > 0 {
		w.fail("%s: messages of conversations that are not there: %v", at, slices.Collect(maps.Keys(messages)))
	}
	n := r.Counts
	if got := []int{len(rows["conversations"]), len(rows["tombstones"]), len(rows["dead_letters"]), len(rows["messages"])}; !slices.Equal(got,
		[]int{int(n.Conversations + n.Kept), int(n.Gone), int(n.Dead), int(n.Messages)}) || int(n.Kept) != len(kept) || n.Listed != n.Conversations+n.Gone+n.Dead {
		w.fail("%s: the record says %+v, in the files are %v", at, n, got)
	}
	if flagged := slices.Contains(r.Flags, "count_mismatch"); r.TotalAfter != nil && *r.TotalAfter > n.Listed-n.Unlisted && !flagged {
		w.fail("%s: the platform counts %d, listed are %d, and no flag says so", at, *r.TotalAfter, n.Listed)
	}
}

// judgeConversation fails if the lake does not show a conversation as it was at some time between two times.
func (w *world) judgeConversation(at string, c *conversation, in string, kept bool, messages []int64, began, ended time.Time) {
	before, existed := c.when(began)
	after, exists := c.when(ended)
	switch {
	case in == "" && existed && !before.gone && !after.gone:
		w.fail("%s: conversation %s was there from before the export until after it, and is nowhere in the lake", at, c.id)
	case in != "" && (!exists || existed && before.gone && !kept):
		w.fail("%s: conversation %s is in %s, and was not there", at, c.id, in)
	case in == "tombstones" && !after.gone:
		w.fail("%s: conversation %s has a tombstone, and lives", at, c.id)
	case in != "conversations" && !kept && len(messages) > 0:
		w.fail("%s: conversation %s is in %q, and has messages", at, c.id, in)
	case in == "conversations" && w.platform.poison[c.id] != "":
		w.fail("%s: conversation %s is whole, and cannot be read", at, c.id)
	}
	if in != "conversations" {
		return
	}
	slices.Sort(messages)
	for i, sequence := range messages {
		if sequence != int64(i) {
			w.fail("%s: conversation %s has the messages %v", at, c.id, messages)
			return
		}
	}
	if len(messages) < before.messages || len(messages) > after.messages {
		w.fail("%s: conversation %s has %d messages, the platform had %d to %d", at, c.id, len(messages), before.messages, after.messages)
	}
}

// row is what a trial checks of a row.
type row struct {
	id       string
	sequence int64
}

// rows reads the files of a record with arrow's own reader.
func (w *world) rows(r ledger.Record) map[string][]row {
	found := map[string][]row{}
	for _, f := range r.Files {
		reader, err := file.NewParquetReader(bytes.NewReader(w.store.objects[f.Key].body))
		if err != nil {
			w.fail("read %s: %v", f.Key, err)
			continue
		}
		var ids []parquet.ByteArray
		var sequences []int64
		for g := range reader.NumRowGroups() {
			group := reader.RowGroup(g)
			schema := reader.MetaData().Schema
			ids = append(ids, column[parquet.ByteArray](w, group, schema.ColumnIndexByName("conversation_id"))...)
			if at := schema.ColumnIndexByName("sequence"); at >= 0 && f.Table == "messages" {
				sequences = append(sequences, column[int64](w, group, at)...)
			}
		}
		for i, id := range ids {
			rw := row{id: string(id)}
			if i < len(sequences) {
				rw.sequence = sequences[i]
			}
			found[f.Table] = append(found[f.Table], rw)
		}
		_ = reader.Close()
	}
	return found
}

// column reads a required column of a row group.
func column[V any](w *world, group *file.RowGroupReader, at int) []V {
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
	values := make([]V, group.NumRows())
	levels := make([]int16, group.NumRows())
	for done := int64(0); done < group.NumRows(); {
		n, _, err := batch.ReadBatch(group.NumRows()-done, values[done:], levels[done:], nil)
		if err != nil || n == 0 {
			w.fail("read column %d: %v", at, err)
			return nil
		}
		done += n
	}
	return values
}

// again exports everything again without faults. All of it must be adopted, and nothing may change.
func (w *world) again() {
	stood := w.store.lasting()
	w.plan = w.plan.calm()
	before := len(w.intents)
	if refreshed := slices.ContainsFunc(w.intents, func(i *intent) bool { return i.refresh != "" }); refreshed || !w.plan.export {
		w.plan.export = false
		for _, c := range w.latest() {
			w.want("again", c.by.refresh, c.record.Shard.Window)
		}
	} else {
		w.want("again", "", schemas.Window{From: first, To: last})
	}
	w.schedule()
	for _, i := range w.intents[before:] {
		if outcome := i.now.shard.Commit.Outcome; outcome != "adopted" && !w.plan.export {
			w.fail("exported again, %s is %q", i.window, outcome)
		}
		if n := i.now.export.Totals.Shards; n > 0 {
			w.fail("exported again, %d windows were committed anew", n)
		}
	}
	if !maps.Equal(stood, w.store.lasting()) {
		w.fail("exported again, and the lake is another")
	}
}

// swept checks what sweeps leave months later.
func (w *world) swept() {
	time.Sleep(4 * time.Second) // months by the clock of the lake
	w.clean()
}

// clean checks that sweeps leave the files that the ledger names and nothing else. The first sweep removes staging, the second the files
// of shards without any staging.
func (w *world) clean() {
	for range 2 {
		if _, err := w.lake().Sweep(context.Background(), "", true); err != nil {
			w.fail("sweep: %v", err)
		}
	}
	named := w.store.named()
	for _, key := range slices.Concat(w.store.below("_staging/"), w.store.below("data/")) {
		if !named[key] {
			w.fail("after a sweep %s is still there", key)
		}
	}
}

// latest is the commit of the highest generation of each shard.
func (w *world) latest() (latest []commit) {
	for _, c := range w.store.commits {
		i := slices.IndexFunc(latest, func(l commit) bool { return l.record.Shard == c.record.Shard })
		switch {
		case i < 0:
			latest = append(latest, c)
		case latest[i].record.Generation <= c.record.Generation:
			latest[i] = c
		}
	}
	return latest
}
