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

// Limits on the concurrent activities of a worker. The figures come from the bench: an activity mostly waits for a platform or
// the lake, and a worker uses some 250 MiB before it runs any.
const (
	activitiesPerCore = 32
	memoryPerActivity = 32 << 20
	memoryOfWorker    = 256 << 20
	leastActivities   = 4 // enough for the default of two windows with two fetches each
)

// Activities is the default number of concurrent activities of a worker on this machine. It depends on the number of cores and on
// the memory that the process may use: the least of GOMEMLIMIT, the control group's limit and the machine's memory.
func Activities() int { return activitiesFor(runtime.GOMAXPROCS(0), memory()) }

func activitiesFor(cores int, memory int64) int {
	n := cores * activitiesPerCore
	if fit := (memory - memoryOfWorker) / memoryPerActivity; memory > 0 && fit < int64(n) {
		n = int(fit)
	}
	return max(leastActivities, n)
}

// memory is how many bytes the process may use, 0 if unknown.
func memory() int64 {
	least := debug.SetMemoryLimit(-1) // a negative limit only reads the current one
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

// cgroupLimit reads the limit of a control group. "max" means no limit; version 1 has a huge number instead.
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
