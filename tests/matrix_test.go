package tests

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	matrix = flag.String("matrix", "some", "which cells of the kill matrix to play: some, whole, or those whose name holds this text")
	atOnce = flag.Int("at-once", 4, "cells of the kill matrix at a time; they wait most of their time")
	table  = flag.String("table", "", "file to write the kill matrix to, as Markdown")
)

// TestKillMatrix kills a process, a server or a connection in the middle of every step of an export. Afterwards it runs the same
// command again if a person would have to, and the lake is as if nothing had happened.
//
//	go -C tests test -run TestKillMatrix -timeout 2h -matrix whole
//
// With -table ../docs/kill-matrix.md it rewrites that page.
func TestKillMatrix(t *testing.T) {
	cells := chosenCells()
	if len(cells) == 0 {
		t.Fatalf("no cell is called %q", *matrix)
	}
	unbroken := map[play]map[string]int64{}
	for _, c := range cells {
		if unbroken[c.play()] == nil {
			unbroken[c.play()] = c.play().requests(t)
		}
	}
	outcomes := make([]result, len(cells))
	slots := make(chan struct{}, *atOnce)
	var playing sync.WaitGroup
	for i, c := range cells {
		playing.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			began := time.Now()
			passed := t.Run(c.String(), func(t *testing.T) { outcomes[i] = c.run(t, unbroken[c.play()]) })
			outcomes[i].cell, outcomes[i].passed, outcomes[i].took = c, passed, time.Since(began)
		})
	}
	playing.Wait()
	for _, o := range outcomes {
		t.Logf("%s: %s", o.cell, o)
	}
	if *table != "" {
		if err := os.WriteFile(*table, []byte(writePage(outcomes)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func chosenCells() []cell {
	switch *matrix {
	case "some":
		return someCells()
	case "whole":
		return everyCell()
	}
	return slices.DeleteFunc(everyCell(), func(c cell) bool { return !strings.Contains(c.String(), *matrix) })
}

// result is the outcome of a cell.
type result struct {
	cell   cell
	passed bool
	took   time.Duration
	// repeated is, by endpoint, how often conversations were asked for again, and otherwise how many requests there were in excess of
	// an undisturbed export.
	repeated map[string]int64
	usage    usage
	orphans  int
}

func (c cell) play() play {
	if c.step.name == stepContinue.name {
		return long
	}
	return short
}

// run plays a cell and judges it by the requests of an undisturbed export.
func (c cell) run(t *testing.T, unbroken map[string]int64) result {
	var s *stage
	var server temporal
	if c.death.apart {
		var address string
		server, address = serveTemporal(t)
		s = newStage(t, c.play(), c.folder, address)
		c.playApart(s)
	} else {
		s = newStage(t, c.play(), c.folder, "")
		c.playTogether(s)
	}
	s.pending.Wait()

	o := result{repeated: map[string]int64{}}
	for endpoint, n := range s.site.Stats().Endpoints {
		o.repeated[endpoint] = n - unbroken[endpoint]
	}
	maps.Copy(o.repeated, s.again())
	c.judgeRequests(t, s, o.repeated, unbroken)
	if left := s.staging(); len(left) > 0 {
		t.Errorf("%d staged objects of committed shards are left: %q", len(left), left)
	}
	o.orphans = c.judgeFiles(t, s)
	sameAsSite(t, s.root, s.site, january, "conversation", "messages")

	if !c.death.apart {
		server = openTemporal(t, s.folder)
	}
	for kind, u := range server.histories(t) {
		o.usage.runs, o.usage.events, o.usage.activities = o.usage.runs+u.runs, o.usage.events+u.events, o.usage.activities+u.activities
		o.usage.decided += u.decided
		t.Logf("%s: %d runs, %d events, %d activities: %v", kind, u.runs, u.events, u.activities, u.kinds)
	}
	if bound := eventsPerActivity*float64(o.usage.activities) + float64(eventsPerRun*o.usage.runs); float64(o.usage.decided) > bound {
		t.Errorf("%d events besides workflow tasks for %d activities in %d runs, want at most %.1f for each activity and %d for each run: %.0f",
			o.usage.decided, o.usage.activities, o.usage.runs, eventsPerActivity, eventsPerRun, bound)
	}
	return o
}

// The budget of histories. An activity has three events of its own. A run has events for its start, its end, its signals and
// its parent; in a long export these are negligible. Workflow tasks are left out: each has three events, but the speed of the
// machine decides how many results one of them takes, and a killed worker leaves one that times out.
const (
	eventsPerActivity = 3.1
	eventsPerRun      = 12
)

// playTogether runs the export with everything in one process.
func (c cell) playTogether(s *stage) {
	c.arm(s)
	p := s.expose(exportJanuary...)
	s.comes(p)
	if c.death.ends {
		p.kill() // it is dead already; afterwards its output is complete
	}
	if c.step.name == stepCancel.name {
		c.finishCancelled(s, p)
		return
	}
	if c.death.ends {
		p = s.start(exportJanuary...)
	}
	p.succeed(s.t)
}

// playApart runs the export with a separate worker, on a Temporal server that survives.
func (c cell) playApart(s *stage) {
	s.start(append(slices.Clone(exportJanuary), "--detach")...).succeed(s.t)
	c.arm(s)
	p := s.expose("worker")
	s.comes(p)
	if status := p.status(s.t); status != 0 && c.death.name == workerEnded.name {
		s.t.Errorf("the worker ended with status %d:\n%s", status, tail(p.out.Bytes()))
	}
	again := s.start("worker")
	if c.step.name == stepCancel.name {
		c.finishCancelled(s, nil)
	} else {
		s.start(exportJanuary...).succeed(s.t)
	}
	again.terminate()
	again.succeed(s.t)
}

// arm sets the trap of the cell. The trap of a cancelled export is in the cleanup after it.
func (c cell) arm(s *stage) {
	if c.step.name != stepCancel.name {
		s.set(&trap{moment: c.step, strike: s.strikes(c.death), drop: c.death.drop(c.step)})
		return
	}
	s.set(&trap{moment: stepFetch, strike: func() {
		s.set(&trap{moment: stepCancel, strike: s.strikes(c.death), drop: c.death.drop(c.step)})
		s.pending.Go(func() {
			p, err := launch(s.folder, "cancel")
			if err != nil {
				s.t.Error(err)
				return
			}
			defer p.kill()
			select {
			case <-p.exited:
			case <-time.After(patience):
				s.t.Errorf("no end of cancel after %s", patience)
			}
		})
	}})
}

// finishCancelled lets a cancelled export end, and then copies the range after all.
func (c cell) finishCancelled(s *stage, p *process) {
	s.t.Helper()
	s.pending.Wait() // including the cancel command
	switch {
	case c.death.apart:
		p = s.start(exportJanuary...) // either attaches to the ending export, or starts a new one
		if status := p.status(s.t); status == 0 {
			return
		}
	case c.death.ends:
		again := s.start("cancel") // the first may have died with its server
		if status := again.status(s.t); status != 0 && !strings.Contains(again.out.String(), "no export or remap is running") {
			s.t.Fatalf("cancel, given again, ended with status %d:\n%s", status, tail(again.out.Bytes()))
		}
		p = nil
	}
	if p != nil {
		if status := p.status(s.t); status != 1 || !strings.Contains(p.out.String(), "was cancelled") {
			s.t.Fatalf("the cancelled export ended with status %d:\n%s", status, tail(p.out.Bytes()))
		}
	}
	s.start(exportJanuary...).succeed(s.t)
}

// requests is the number of requests that an undisturbed export of this size sends to the provider, by endpoint.
func (p play) requests(t *testing.T) map[string]int64 {
	t.Helper()
	s := newStage(t, p, true, "")
	s.start(exportJanuary...).succeed(t)
	return s.site.Stats().Endpoints
}

// judgeRequests compares what was asked for again with what was in flight at the moment of death.
func (c cell) judgeRequests(t *testing.T, s *stage, repeated, once map[string]int64) {
	t.Helper()
	const page = 22 // requests of a list: twenty, and the search for the start of the window
	messages := s.slots() * int64(s.chunk)
	metadata := 10 * messages
	bounds := map[string]int64{
		"conversations/{id}/messages":     messages,
		"conversations/{id}":              metadata,
		"conversations/{id}/participants": metadata,
	}
	for _, endpoint := range slices.Sorted(maps.Keys(repeated)) {
		bound, ok := bounds[endpoint]
		if !ok { // one list at a time
			bound = min(page, once[endpoint])
		}
		bound *= c.death.attempts
		if c.step.name == stepCancel.name { // what was not committed is discarded, once
			bound += once[endpoint]
		}
		if repeated[endpoint] > bound {
			t.Errorf("%s: %d repeated, want at most %d", endpoint, repeated[endpoint], bound)
		}
	}
}

// judgeFiles verifies the lake, and counts unreferenced data files. Only a shard that was cancelled after it had written files may
// leave some, because data that is fetched again has a different content.
func (c cell) judgeFiles(t *testing.T, s *stage) int {
	t.Helper()
	p := s.start("verify", "--deep", "--output", "json")
	p.succeed(t)
	var found struct{ Orphans []string }
	if err := json.Unmarshal(p.out.Bytes(), &found); err != nil {
		t.Fatalf("%v:\n%s", err, tail(p.out.Bytes()))
	}
	if len(found.Orphans) > 0 && c.step.name != stepCancel.name {
		t.Errorf("%d files that nobody reads: %q", len(found.Orphans), found.Orphans)
	}
	return len(found.Orphans)
}
