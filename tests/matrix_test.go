package tests

import (
	"encoding/json"
	"flag"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	matrix = flag.String("matrix", "some", "which cells of the kill matrix to play: some, whole, or those whose name matches this expression")
	atOnce = flag.Int("at-once", 4, "cells of the kill matrix at a time; they wait most of their time")
	table  = flag.String("table", "", "page in which to rewrite the tables of which every cell was played")
)

// TestKillMatrix kills a process, a server or a connection in the middle of every step of an export, a sync, a settle, a maintenance
// and a vacuum. Afterwards it runs the same command again if a person would have to, and the lake is as if nothing had happened.
//
//	go -C tests test -run TestKillMatrix -timeout 4h -matrix whole
//
// With -table ../docs/kill-matrix.md it rewrites the tables on that page of which it played every cell.
func TestKillMatrix(t *testing.T) {
	cells := chosenCells()
	if len(cells) == 0 {
		t.Fatalf("no cell is called %q", *matrix)
	}
	outcomes := make([]result, len(cells))
	slots := make(chan struct{}, *atOnce)
	var playing sync.WaitGroup
	next := func(name string, play func(*testing.T)) {
		slots <- struct{}{}
		playing.Go(func() {
			defer func() { <-slots }()
			t.Run(name, play)
		})
	}
	unbroken := map[undisturbed]*requests{}
	for i, c := range cells {
		once := unbroken[c.undisturbed()]
		if once == nil {
			once = &requests{known: make(chan struct{})}
			unbroken[c.undisturbed()] = once
			if c.silent() {
				close(once.known)
			} else {
				next("undisturbed "+c.kind(), func(t *testing.T) {
					defer close(once.known)
					once.sent = c.undisturbed().requests(t)
				})
			}
		}
		next(c.String(), func(t *testing.T) {
			o, began := &outcomes[i], time.Now()
			defer func() { o.cell, o.passed, o.took = c, !t.Failed(), time.Since(began) }()
			*o = c.run(t, once)
		})
	}
	playing.Wait()
	for _, o := range outcomes {
		t.Logf("%s: %s", o.cell, o)
	}
	if *table != "" {
		if err := writePage(*table, outcomes); err != nil {
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
	name := regexp.MustCompile(*matrix)
	return slices.DeleteFunc(everyCell(), func(c cell) bool { return !name.MatchString(c.String()) })
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

// undisturbed is what an undisturbed run depends on.
type undisturbed struct {
	play
	upkeep *upkeep
}

func (c cell) undisturbed() undisturbed { return undisturbed{c.play(), c.upkeep} }

// requests are those that an undisturbed run sends to the provider, by endpoint, once they are known.
type requests struct {
	known chan struct{}
	sent  map[string]int64
}

func (c cell) play() play {
	if c.upkeep == nil && c.step.name == stepContinue.name {
		return long
	}
	return short
}

// run plays a cell and judges it by the requests of an undisturbed export.
func (c cell) run(t *testing.T, once *requests) result {
	var server temporal
	if c.death.apart {
		server = serveTemporal(t)
	}
	if c.upkeep != nil {
		s := newStage(t, c.play(), c.folder, "")
		asked, used := c.upkeep.run(t, s, &c, server)
		return c.judge(t, s, asked, once, used)
	}
	s := newStage(t, c.play(), c.folder, server.address)
	if c.death.apart {
		c.playApart(s)
	} else {
		c.playTogether(s)
	}
	s.pending.Wait()
	sameAsSite(t, s.root, s.site, january, "conversation", "messages")
	if !c.death.apart {
		server = openTemporal(t, s.folder)
	}
	var used usage
	for kind, u := range server.histories(t) {
		used.add(u)
		t.Logf("%s: %d runs, %d events, %d activities: %v", kind, u.runs, u.events, u.activities, u.kinds)
	}
	return c.judge(t, s, s.site.Stats().Endpoints, once, used)
}

// judge compares what was asked with an undisturbed run, and looks for what is left.
func (c cell) judge(t *testing.T, s *stage, asked map[string]int64, once *requests, used usage) result {
	t.Helper()
	<-once.known
	o := result{repeated: map[string]int64{}, usage: used}
	for endpoint, n := range asked {
		o.repeated[endpoint] = n - once.sent[endpoint]
	}
	if !c.silent() {
		maps.Copy(o.repeated, s.again())
	}
	c.judgeRequests(t, s, o.repeated, once.sent)
	if left := s.staging(); len(left) > 0 {
		t.Errorf("%d staged objects of committed shards are left: %q", len(left), left)
	}
	o.orphans = c.judgeFiles(t, s)
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
		deadly := &trap{moment: c.step, strike: s.strikes(c.death), drop: c.death.drop(c.step)}
		if c.step.first != nil {
			s.set(&trap{moment: *c.step.first, strike: func() { s.set(deadly) }})
			return
		}
		s.set(deadly)
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
		if status := again.status(s.t); status != 0 && !strings.Contains(again.out.String(), "nothing is running") {
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

// requests plays an undisturbed run.
func (u undisturbed) requests(t *testing.T) map[string]int64 {
	t.Helper()
	s := newStage(t, u.play, true, "")
	if u.upkeep != nil {
		asked, _ := u.upkeep.run(t, s, nil, temporal{})
		return asked
	}
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
	if c.silent() {
		bounds = map[string]int64{}
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
	if err := json.Unmarshal(p.result.Bytes(), &found); err != nil {
		t.Fatalf("%v:\n%s", err, tail(p.out.Bytes()))
	}
	if len(found.Orphans) > 0 && c.step.name != stepCancel.name {
		t.Errorf("%d files that nobody reads: %q", len(found.Orphans), found.Orphans)
	}
	return len(found.Orphans)
}
