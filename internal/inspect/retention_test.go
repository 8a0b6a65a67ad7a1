package inspect

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// TestRetention follows what a platform that keeps ten days means for a lake, up to what a person accepts.
func TestRetention(t *testing.T) {
	now := time.Now().UTC().Truncate(24 * time.Hour)
	ago := func(from, to int) schemas.Window {
		return schemas.Window{From: now.AddDate(0, 0, -from), To: now.AddDate(0, 0, -to)}
	}
	keeps := schemas.Retention{Rest: 10 * 24 * time.Hour}
	root := t.TempDir()
	c := worker.Config{
		StateDir: t.TempDir(), Lake: worker.LakeConfig{URL: "file:" + root},
		Accounts: map[string]worker.AccountConfig{"acme": {Provider: "chatwoot", Retention: &keeps, Sync: &activities.SyncSettings{From: now.AddDate(0, 0, -30)}}},
	}
	ctx := t.Context()
	look := func() (Gaps, Freshness, Verified) {
		t.Helper()
		l, err := Open(ctx, c, "acme")
		if err != nil {
			t.Fatal(err)
		}
		gaps, err := l.Gaps(ctx)
		if err != nil {
			t.Fatal(err)
		}
		v, err := l.Verify(ctx, schemas.Window{}, VerifyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		f, err := FreshnessOf(ctx, c, []string{"acme"}, now)
		if err != nil {
			t.Fatal(err)
		}
		return gaps, f[0], v
	}
	lost := func(w schemas.Window, listed *time.Time, reason string) Lost {
		return Lost{Gap{"acme", schemas.StreamCreated, w}, listed, reason}
	}
	// No lake yet: everything before the horizon is lost, and the next seven days will be within a week.
	before, err := RetentionOf(ctx, c, "acme", ago(30, 0), now)
	if err != nil {
		t.Fatal(err)
	}
	never := "the platform keeps conversations for 10 days, and they were not copied in that time"
	want := Retained{
		Lost:     []Lost{lost(ago(30, 10), nil, never)},
		Expiring: []Expiring{{Gap{"acme", schemas.StreamCreated, ago(10, 3)}, now}},
	}
	if diff := cmp.Diff(want, before); diff != "" {
		t.Errorf("without a lake (-want +got):\n%s", diff)
	}

	l, err := lake.Open(ctx, ledger.Config{URL: "file:" + root}, lake.Config{Scratch: t.TempDir(), Writer: "test"})
	if err != nil {
		t.Fatal(err)
	}
	add := func(w schemas.Window, listed time.Time) {
		t.Helper()
		_, _, err := l.Commit(ctx, ledger.Record{
			Shard:      ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: schemas.StreamCreated, Window: w},
			Generation: 1, SpecDigest: w.String(), ListedAt: &listed,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	add(ago(25, 20), now.AddDate(0, 0, -20)) // in time
	add(ago(20, 15), now)                    // when the platform had nothing of it any more
	add(ago(12, 9), now.AddDate(0, 0, -1))   // when it had deleted a day of it
	late, partly := now, now.AddDate(0, 0, -1)
	only := func(at time.Time) string {
		return "the platform keeps conversations for 10 days, and they were listed only on " + at.Format(time.DateOnly)
	}
	want = Retained{
		Lost: []Lost{
			lost(ago(30, 25), nil, never), lost(ago(20, 15), &late, only(late)), lost(ago(15, 12), nil, never), lost(ago(12, 11), &partly, only(partly)),
		},
		Expiring: []Expiring{{Gap{"acme", schemas.StreamCreated, ago(9, 3)}, now.AddDate(0, 0, 1)}},
	}
	gaps, fresh, verified := look()
	if diff := cmp.Diff(want, fresh.Retained); diff != "" {
		t.Errorf("freshness (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.Lost, gaps.Lost); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.Lost, verified.Lost); diff != "" {
		t.Errorf("verify (-want +got):\n%s", diff)
	}
	// What is lost is not a gap that could be copied as well.
	if len(gaps.Open)+len(fresh.Gaps)+len(verified.Gaps) > 0 || verified.Whole() || verified.Problems() != 4 {
		t.Errorf("gaps %v, %v, %v; whole %v, %d problems", gaps.Open, fresh.Gaps, verified.Gaps, verified.Whole(), verified.Problems())
	}

	// A person accepts all of it, also where a window is committed. Nothing that is in time can be accepted.
	for _, one := range want.Lost {
		if _, err := AcceptGap(ctx, c, "acme", one.Stream, one.Window, "lost to retention"); err != nil {
			t.Errorf("%s: %v", one.Window, err)
		}
	}
	if _, err := AcceptGap(ctx, c, "acme", schemas.StreamCreated, ago(25, 20), "why not"); err == nil || !strings.Contains(err.Error(), "there is no gap") {
		t.Errorf("a window that is there: %v", err)
	}
	gaps, fresh, verified = look()
	if len(gaps.Lost)+len(fresh.Lost)+len(verified.Lost) > 0 || !verified.Whole() {
		t.Errorf("accepted, and yet lost: %v, %v, %v, %d problems", gaps.Lost, fresh.Lost, verified.Lost, verified.Problems())
	}
	for name, accepted := range map[string][]AcceptedGap{"gap list": gaps.Accepted, "status": fresh.Accepted, "verify": verified.Accepted} {
		covers := 0
		for _, g := range accepted {
			if g.Reason == "lost to retention" {
				covers += int(g.Window.To.Sub(g.Window.From).Hours() / 24)
			}
		}
		// The days before the oldest window are no gap between windows, and were lost all the same.
		if covers != 14 {
			t.Errorf("%s: %d days are accepted, want 14: %+v", name, covers, accepted)
		}
	}
}

func TestJoined(t *testing.T) {
	one := func(from, to int, reason string) Lost {
		return Lost{Gap: Gap{"acme", schemas.StreamCreated, inMay(from, to)}, Reason: reason}
	}
	got := Joined([]Lost{one(1, 3, "a"), one(3, 5, "a"), one(5, 6, "b"), one(7, 8, "b")})
	if diff := cmp.Diff([]Lost{one(1, 5, "a"), one(5, 6, "b"), one(7, 8, "b")}, got); diff != "" {
		t.Errorf("joined (-want +got):\n%s", diff)
	}
	if got := one(1, 3, "a").Command(); got != `chatlake gap accept --account acme --stream created --from 2026-05-01 --to 2026-05-03 --reason "lost to retention"` {
		t.Error(got)
	}
	// Flags take no time without punctuation.
	noon := one(1, 3, "a")
	noon.Window.To = noon.Window.To.Add(12 * time.Hour)
	if got := noon.Command(); !strings.Contains(got, " --to 2026-05-03T12:00:00Z ") {
		t.Error(got)
	}
}
