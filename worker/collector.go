package worker

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// How much the process may allocate between two collections. Go's default is as much as is in use, which is too little in the phases
// of an export that hold little, and too much in those that fill the buffers of a seal, just when memory is at its peak.
const (
	collectorRoom    = 56 << 20 // bytes
	collectorPercent = 40       // of what is in use, if that is more
)

// PaceCollector lets the garbage collector run after a fixed amount of new memory instead of a share of what is in use. It does nothing
// if GOGC is set.
func PaceCollector() {
	if os.Getenv("GOGC") == "" {
		pace(&cycle{percent: new(int)})
	}
}

// cycle is garbage in every collection. It contains a pointer, because tiny objects without any share memory with others and may outlive
// collections.
type cycle struct{ percent *int }

// pace sets the pace, and does so again after every collection.
func pace(c *cycle) {
	c.set(inUse())
	runtime.SetFinalizer(c, pace)
}

func (c *cycle) set(used uint64) {
	percent := percentOf(used)
	if *c.percent != percent {
		debug.SetGCPercent(percent)
		*c.percent = percent
	}
}

// percentOf is the value of GOGC for what is in use, in steps, because setting it stops the process for a moment.
func percentOf(used uint64) int {
	const step = 10
	percent := 100 * collectorRoom / max(used, 1)
	return max(collectorPercent, int(min(percent, 400))/step*step)
}

// inUse is what the last collection found in use, and what else Go counts as its basis.
func inUse() (n uint64) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		n += s.Value.Uint64()
	}
	return n
}
