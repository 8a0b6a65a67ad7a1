package worker

import (
	"testing"

	"github.com/chatlake/chatlake/activities"
)

func TestActivitiesByMemoryAndCores(t *testing.T) {
	for _, test := range []struct {
		cores  int
		memory int64
		want   int
	}{
		{2, 0, 64},        // unknown memory
		{2, 23 << 30, 64}, // by cores
		{16, 23 << 30, 512},
		{2, 1 << 30, 24}, // by memory
		{16, 2 << 30, 56},
		{1, 256 << 20, 4}, // the minimum
		{2, 1, 4},
	} {
		if got := activitiesFor(test.cores, test.memory); got != test.want {
			t.Errorf("%d cores and %d MiB: %d activities, want %d", test.cores, test.memory>>20, got, test.want)
		}
	}
	if n := Activities(); n < leastActivities {
		t.Errorf("this machine: %d activities", n)
	}
}

func TestLimitsOfMemoryAreRead(t *testing.T) {
	for text, want := range map[string]int64{"536870912\n": 512 << 20, "max\n": 0, "": 0, "9223372036854771712\n": 9223372036854771712} {
		if got, ok := cgroupLimit(text); ok != (want > 0) || ok && got != want {
			t.Errorf("control group %q: %d, %v; want %d", text, got, ok, want)
		}
	}
	if got, ok := memTotal([]byte("MemTotal:       16384 kB\nMemFree:          1 kB\n")); !ok || got != 16<<20 {
		t.Errorf("meminfo: %d, %v; want 16 MiB", got, ok)
	}
	if _, ok := memTotal([]byte("MemFree: 1 kB\n")); ok {
		t.Error("a memory limit was read from a file without one")
	}
}

func TestAWorkerTakesNoMoreThanItIsTold(t *testing.T) {
	if n := (&Temporal{activities: 7}).options().MaxConcurrentActivityExecutionSize; n != 7 {
		t.Errorf("%d activities at once, want 7", n)
	}
	if d := (&Temporal{}).options().MaxHeartbeatThrottleInterval; d != activities.HeartbeatInterval {
		t.Errorf("heartbeats are held back for %s, want %s at most", d, activities.HeartbeatInterval)
	}
}
