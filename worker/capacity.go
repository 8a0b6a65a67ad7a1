package worker

import (
	"bufio"
	"bytes"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// How many activities a worker takes at once, from what the bench measured: most of the time an activity waits for a platform or
// the lake, and a worker has some 250 MiB before it has any.
const (
	activitiesPerCore = 32
	memoryPerActivity = 32 << 20
	memoryOfWorker    = 256 << 20
	leastActivities   = 4 // the default of two windows with two fetches each
)

// Activities is how many activities a worker on this machine takes at once unless it is told otherwise: by its cores and by the
// memory that it may use, the least of GOMEMLIMIT, the control group's limit and what the machine has.
func Activities() int { return fitting(runtime.GOMAXPROCS(0), memory()) }

func fitting(cores int, memory int64) int {
	n := cores * activitiesPerCore
	if fit := (memory - memoryOfWorker) / memoryPerActivity; memory > 0 && fit < int64(n) {
		n = int(fit)
	}
	return max(leastActivities, n)
}

// memory is how many bytes the process may use, 0 when nothing says it.
func memory() int64 {
	least := debug.SetMemoryLimit(-1) // a negative limit only asks
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(file)
		if n, ok := cgroupLimit(string(text)); err == nil && ok {
			least = min(least, n)
		}
	}
	text, err := os.ReadFile("/proc/meminfo")
	if n, ok := memTotal(text); err == nil && ok {
		least = min(least, n)
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

// cgroupLimit reads a limit of a control group; "max" is none, and so is the huge number that version 1 has instead.
// https://docs.kernel.org/admin-guide/cgroup-v2.html, memory.max.
func cgroupLimit(text string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return n, err == nil && n > 0
}

// memTotal reads /proc/meminfo.
func memTotal(text []byte) (int64, bool) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "MemTotal:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return n << 10, err == nil
		}
	}
	return 0, false
}
