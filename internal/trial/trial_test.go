package trial

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/internal/parquet"
	"github.com/chatlake/chatlake/schemas"
)

var (
	seeds  = flag.Uint64("seeds", 300, "how many schedules to try")
	past   = flag.Uint64("after", 0, "the seed before the first one")
	during = flag.Duration("during", 0, "begin no schedule after so long, 0 for no end")
	one    = flag.Uint64("seed", 0, "the only schedule to try, with every step")
	only   = flag.String("only", "", "try only the schedules of this kind: kept or copied")
	most   = flag.Int64("failures", 5, "stop after so many schedules that went wrong")
)

// ready makes what all bubbles share: a folder, and the channels of the pooled codec.
func ready(t *testing.T) {
	t.Helper()
	if err := os.MkdirAll(scratch, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := parquet.NewWriter(io.Discard, schemas.Tombstones, parquet.Options{Writer: "trial"})
	if err == nil {
		err = out.Append(&schemas.Tombstone{ConversationID: "1"})
	}
	if err == nil {
		_, err = out.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestSchedules runs the schedules of many seeds.
func TestSchedules(t *testing.T) {
	ready(t)
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	if *one != 0 {
		if wrong := try(t, *one, false, true); len(wrong) > 0 {
			t.Errorf("seed %d:\n%s", *one, strings.Join(wrong, "\n"))
		}
		return
	}
	var tried, failed atomic.Int64
	began := time.Now()
	defer func() { t.Logf("%d schedules from seed %d on, %d went wrong", tried.Load(), *past+1, failed.Load()) }()
	over := func() bool { return *during > 0 && time.Since(began) > *during }
	lanes := uint64(runtime.GOMAXPROCS(0))
	t.Run("lanes", func(t *testing.T) {
		for lane := range lanes {
			t.Run(fmt.Sprint(lane), func(t *testing.T) {
				t.Parallel()
				for seed := *past + lane + 1; seed <= *past+*seeds && failed.Load() < *most && !over(); seed += lanes {
					if *only != "" && (*only == "kept") != isKept(seed) {
						continue
					}
					tried.Add(1)
					if wrong := try(t, seed, false, false); len(wrong) > 0 {
						failed.Add(1)
						t.Errorf("seed %d (once more, alone: -seed %d -v):\n%s", seed, seed, strings.Join(wrong, "\n"))
					}
				}
			})
		}
	})
}

// known are seeds whose schedules went wrong once, with the reason. A later change may give a seed another schedule; the reason
// still says what happened.
var known = map[uint64]string{
	4270359: "the end of a shard that a continued export had left was told to nobody, and orders from people kept its next look from coming",
}

// TestKnownSchedules runs the schedules that went wrong once.
func TestKnownSchedules(t *testing.T) {
	ready(t)
	for seed, why := range known {
		if wrong := try(t, seed, false, false); len(wrong) > 0 {
			t.Errorf("seed %d (%s):\n%s", seed, why, strings.Join(wrong, "\n"))
		}
	}
}

// try runs the schedule of a seed and returns what went wrong.
func try(t *testing.T, seed uint64, forgetful, loud bool) (wrong []string) {
	if !loud {
		defer func() {
			if r := recover(); r != nil {
				wrong = append(wrong, fmt.Sprintf("panic: %v", r))
			}
		}()
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed, forgetful)
		if w.plan.kept {
			w.keep()
		} else {
			w.copy()
		}
		if loud {
			t.Logf("plan %+v\n%s", w.plan, strings.Join(w.trace, "\n"))
		}
		wrong = w.wrong
	})
	return wrong
}

// copy copies a range once, or a few shards.
func (w *world) copy() {
	if w.plan.export {
		w.want("export", "", schemas.Window{From: first, To: last})
	} else {
		for i, day := range (schemas.Window{From: first, To: last}).Cut("day") {
			w.want(fmt.Sprintf("shard%d", i+1), "", day)
		}
	}
	w.schedule()
	if len(w.wrong) == 0 {
		w.judge()
	}
	if len(w.wrong) == 0 {
		w.again()
		w.swept()
	}
}
