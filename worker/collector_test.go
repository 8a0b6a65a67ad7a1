package worker

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

func TestPercentOf(t *testing.T) {
	const mib = 1 << 20
	for used, want := range map[uint64]int{0: 400, 10 * mib: 400, 28 * mib: 200, 56 * mib: 100, 100 * mib: 50, 140 * mib: 40, 1000 * mib: 40} {
		if got := percentOf(used); got != want {
			t.Errorf("with %d MiB in use: GOGC %d, want %d", used/mib, got, want)
		}
	}
}

// TestCollectorIsPaced holds much memory and releases it again. The pace must follow every time.
func TestCollectorIsPaced(t *testing.T) {
	t.Setenv("GOGC", "")
	PaceCollector() // for the rest of the tests too, as in the product
	for range 3 {
		held := make([]byte, 300<<20)
		settles(t, "while 300 MiB are held", func(percent int) bool { return percent == collectorPercent })
		runtime.KeepAlive(held)
		held = nil
		settles(t, "after they are released", func(percent int) bool { return percent > collectorPercent })
	}
}

func settles(t *testing.T, when string, right func(int) bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !right(percent()); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%s: GOGC stays %d", when, percent())
		}
		runtime.GC()
	}
}

// percent is the current value of GOGC.
func percent() int {
	s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(s)
	return int(s[0].Value.Uint64())
}
