package trial

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var mutants = flag.Bool("mutants", false, "switch off each guard of the protocol in turn and see whether the schedules show it")

const house = "../.."

// edit replaces a text that is in a file exactly once.
type edit struct{ file, old, new string }

// guard is a part of the protocol that correctness depends on, and how to switch it off. The product has no switches: the compiler gets
// edited copies of its files.
type guard struct {
	name  string
	edits []edit
}

// guards are what the copy of a range needs.
var guards = []guard{
	{"a staged object is named by what it holds", []edit{
		{"internal/lake/staging.go", "key := s.folder + stagedName(name, sum, s.documents)", `key := s.folder + stagedName(name, fmt.Sprintf("%064d", 0), 0)`},
		{"internal/lake/staging_read.go", "hex.EncodeToString(sum.Sum(nil)) != st.SHA256", `hex.EncodeToString(sum.Sum(nil)) == ""`},
	}},
	{"a ledger record is put only where none stands", []edit{
		{"internal/ledger/commit.go", "int64(len(b))+1, true)", "int64(len(b))+1, false)"},
	}},
	{"who finds a record looks whose it is", []edit{
		{"internal/ledger/commit.go", "case existing.Digest == r.Digest:", "case true:"},
	}},
	{"a record made to another wish gives way to the next generation", []edit{
		{"internal/ledger/commit.go", "case existing.SpecDigest == r.SpecDigest:", "case true:"},
	}},
	{"only what was made to the same wish is adopted", []edit{
		{"activities/open_shard.go", "return r.SpecDigest == SpecDigest(spec, in.Shard, in.Refresh) ||", "return true ||"},
	}},
	{"a record is committed when its files are there: HEAD", []edit{
		{"internal/ledger/commit.go", "for _, f := range files {", "for _, f := range files[:0] {"},
	}},
	{"a record is committed after its files", []edit{
		{"internal/ledger/commit.go", "for _, f := range files {", "for _, f := range files[:0] {"},
		{"internal/lake/seal.go", "	defer s.Discard()\n	defer context.AfterFunc", "	defer context.AfterFunc"},
		{"internal/lake/seal.go", "err := s.uploads.Wait(); s.err == nil", "err := error(nil); s.err == nil"},
		{"activities/verify_shard.go", "BadFiles: len(findings)", "BadFiles: 0 * len(findings)"},
	}},
	{"a staged object is what was written", []edit{
		{"internal/lake/staging_read.go", "hex.EncodeToString(sum.Sum(nil)) != st.SHA256", `hex.EncodeToString(sum.Sum(nil)) == ""`},
	}},
	{"a part is of one page of one list", []edit{
		{"activities/fetch.go", `fmt.Sprintf("%s-%.16s", l.name, in.Page.Staged.SHA256)`, `l.name + "-page"`},
	}},
	{"a conversation that was listed twice is written once", []edit{
		{"activities/winners.go", "twice && at != (place{page.Number, i}) {", "twice && at.page < 0 {"},
	}},
	{"the platform's count is held against the list", []edit{
		{"workflows/shard.go", "if verified.Missing == 0 {", "if verified.Missing >= 0 {"},
	}},
	{"a small shard in doubt is not committed at once", []edit{
		{"activities/finish_shard.go", "err != nil || out.Verified.BadFiles > 0 || out.Verified.Missing > 0", "err != nil || out.Verified.Missing < 0"},
	}},
	{"a small shard is not copied again after its commit", []edit{
		{"activities/finish_shard.go", "if !opened || latest.RunID != run {", "if opened || latest.RunID != run {"},
		{"workflows/shard.go", "err == nil && s.small {", "err == nil && s.small != s.small {"},
	}},
	{"a list that expired is begun anew", []edit{
		{"workflows/collect_failed.go", "	case relist:\n		s.listAgain()", "	case relist:\n		s.listed = true"},
	}},
	{"a chunk that failed is given out again", []edit{
		{"workflows/collect_failed.go", "		if c.waits < s.policy.WaitsAlone {\n			s.requeue(c)\n		}", "		if c.waits < s.policy.WaitsAlone {\n			_ = c\n		}"},
	}},
	{"a conversation that is given up has a dead letter", []edit{
		{"activities/seal_shard.go", "	case c.dead != nil:\n		return w.dead(c, *c.dead)\n", "	case c.dead != nil:\n		w.counts.Dead++\n		return nil\n"},
	}},
	{"a conversation that is gone has a tombstone", []edit{
		{"activities/seal_shard.go", "error {\n	w.counts.Gone++\n", "error {\n	if w.counts.Gone++; w != nil {\n		return nil\n	}\n"},
	}},
	{"what ends while a shard tells its export something is seen", []edit{
		{"workflows/collect.go", "		inFlight := s.inFlight // what ends while the export is being told counts too\n", ""},
		{"workflows/collect.go", "			s.releaseUnused(ctx)\n		}\n", "			s.releaseUnused(ctx)\n		}\n		inFlight := s.inFlight\n"},
	}},
	{"an export reaches the shards that its earlier runs have left", []edit{
		{"workflows/steer.go", "case c.steered(), c.held && m.name == retryBlockedSignal:", "case c.future != nil && c.held:"},
	}},
	{"receipts survive continue-as-new", []edit{
		{"workflows/collect.go", "	s.state.Saved = s.receipts.Saved\n", "	_ = s.receipts.Saved\n"},
	}},
	{"a window that the ledger has in halves is not exported whole", []edit{
		{"activities/open_shard.go", "err != nil || out.Halved {", "err != nil {"},
		{"workflows/shard.go", "case s.state.Open.Halved:", "case s.state.Open.Halved && s.state.Open.Generation < 0:"},
	}},
	{"a sweep takes no file of a shard at work", []edit{
		{"internal/ledger/sweep.go", "case !old || s.open[shard.String()]:", "case !old:"},
		{"internal/ledger/sweep.go", "unnamedKept  = 7 * 24 * time.Hour", "unnamedKept  = 0 * time.Hour"},
		{"internal/ledger/commit.go", "for _, f := range files {", "for _, f := range files[:0] {"},
	}},
	{"a sweep takes no file that a record names", []edit{
		{"internal/ledger/sweep.go", "if s.named[file.Key] {", "if s.named[file.Key] && file.Bytes < 0 {"},
		{"internal/ledger/sweep.go", "case s.named[file.Key]:", "case s.named[file.Key] && file.Bytes < 0:"},
	}},
}

// keepers are what an account that is kept up to date needs as well.
var keepers = []guard{
	{"of equal versions the one that was observed last counts", []edit{
		{"internal/lake/known.go", "v.ObservedAt.Compare(other.ObservedAt),\n		v.committed.Compare(other.committed), ", "v.committed.Compare(other.committed), v.ObservedAt.Compare(other.ObservedAt),\n		"},
	}},
	{"a commit follows the record that its shard was opened on", []edit{
		{"workflows/shard.go", "Guarded: s.state.Open.OpenedAt != nil", "Guarded: false"},
		{"internal/ledger/commit.go", `case r.Rewrites != "":`, `case r.Rewrites != "" && r.Generation < 0:`},
	}},
	{"what the lake has in a newer version is taken from the lake", []edit{
		{"activities/list_page.go", "reuse := newer && (keeper == nil", "reuse := false && (keeper == nil"},
		{"activities/in_lake.go", "return n != nil && n.Row && !n.Gone && !c.reused", "return n != nil && n.Row && n.Gone && !c.reused"},
	}},
	{"a sync begins where the ledger ends", []edit{
		{"activities/plan_sync.go", "ledger.Watermark(p.current, from, p.accepted...), to)", "to.Add(-max(p.settings.Every, leastSince)), to)"},
	}},
	{"what a settled window lists no more is asked for by id", []edit{
		{"activities/list_unlisted.go", "range unlisted {", "range unlisted[:0] {"},
	}},
	{"only what the list shows in the same version is taken from the lake", []edit{
		{"activities/list_page.go", "same, newer := whole && v.Listed == ref.Version && !ref.Anew,", "same, newer := whole,"},
	}},
	{"what has other content counts as changed", []edit{
		{"activities/seal_shard.go", "n.Content == lake.ContentKey(thread.Conversation.ContentSHA256)", "lake.ContentKey(thread.Conversation.ContentSHA256) != \"\""},
	}},
	{"a shard is absorbed by what is as new or newer", []edit{
		{"activities/absorb_shards.go", "case !ok || !found.Covers(v, later):", "case !ok && !found.Covers(v, later):"},
	}},
	{"what is read again has the reports of all that were at work", []edit{
		{"activities/keep.go", "v.Extent.Documents > 0 && !all[0].Saw(v)", "v.Extent.Documents > 0 && v.Extent.Documents < 0"},
	}},
	{"a shard is absorbed by what has its reports", []edit{
		{"activities/absorb_shards.go", "lacks := s.keeper != nil &&", "lacks := s.keeper == nil &&"},
	}},
	{"a window whose last settle was overtaken is settled again", []edit{
		{"activities/open_export.go", "plan = append(plan, again...)", "plan = append(plan, again[:0]...)"},
	}},
	{"a vacuum takes no file that a current record names", []edit{
		{"internal/ledger/vacuum.go", "		delete(over, f.Key)\n", "		over[f.Key] = true\n"},
	}},
	{"a shard looks at what was committed before it was opened", []edit{
		{"internal/lake/known.go", "asked && before != nil {", "(asked || !asked) && before != nil {"},
	}},
}

// TestMutants checks that the schedules can fail: with a guard switched off, one of them must. Without the flag it only checks that
// each guard is where the table says.
func TestMutants(t *testing.T) {
	for _, guard := range guards {
		t.Run(guard.name, func(t *testing.T) { guard.switchOff(t, "copied") })
	}
	for _, guard := range keepers {
		t.Run(guard.name, func(t *testing.T) { guard.switchOff(t, "kept") })
	}
}

// switchOff tries schedules of one kind without a guard.
func (g guard) switchOff(t *testing.T, only string) {
	overlay := mutate(t, g.edits)
	if !*mutants {
		return
	}
	t.Parallel() // compilers wait for linkers
	cmd := exec.Command("go", "test", "-overlay", overlay, "-run", "^TestSchedules$", "-timeout", "10m", ".", "-seeds", "6000", "-failures", "1", "-only", only)
	out, err := cmd.CombinedOutput()
	switch text := string(out); {
	case err == nil:
		t.Error("no schedule shows that it is switched off")
	case !strings.Contains(text, "seed "):
		t.Errorf("the schedules were not tried: %v\n%s", err, text)
	default:
		_, found, _ := strings.Cut(text, "seed ")
		t.Logf("seed %s", strings.Join(strings.Split(found, "\n")[:2], " "))
	}
}

// TestStoreWithoutConditions is the control: on a store that ignores If-None-Match, schedules must fail. An export refuses such a
// store before it begins; these schedules skip that check.
func TestStoreWithoutConditions(t *testing.T) {
	ready(t)
	for seed := uint64(1); seed < 3000; seed++ {
		if wrong := try(t, seed, true, false); len(wrong) > 0 {
			t.Logf("seed %d: %s", seed, wrong[0])
			return
		}
	}
	t.Error("no schedule shows that the store ignores conditions")
}

// mutate writes edited copies of files, and the overlay that makes the compiler use them.
func mutate(t *testing.T, edits []edit) (overlay string) {
	t.Helper()
	dir := t.TempDir()
	texts := map[string]string{}
	for _, e := range edits {
		text, ok := texts[e.file]
		if !ok {
			b, err := os.ReadFile(filepath.Join(house, e.file))
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		if n := strings.Count(text, e.old); n != 1 {
			t.Fatalf("%s has %q %d times: a guard has moved, and its mutant must follow", e.file, e.old, n)
		}
		texts[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	replace := map[string]string{}
	for file, text := range texts {
		original, err := filepath.Abs(filepath.Join(house, file))
		if err != nil {
			t.Fatal(err)
		}
		mutant := filepath.Join(dir, fmt.Sprint(len(replace))+".go")
		if err := os.WriteFile(mutant, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		replace[original] = mutant
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return overlay
}
