package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// bench runs what the flags select. Its error means that rows or processes are wrong, never that something is slow.
func (o options) bench(ctx context.Context, out, log io.Writer) error {
	scenarios, err := o.chosen()
	if err != nil {
		return err
	}
	report := Report{Machine: machine()}
	if o.add {
		if report.Results, err = earlier(o.results()); err != nil {
			return err
		}
	}
	if len(scenarios) > 0 {
		if err := o.play(ctx, scenarios, &report, log); err != nil {
			return err
		}
	}
	report.judge()
	if err := o.save(report); err != nil {
		return err
	}
	if err := report.write(out); err != nil {
		return err
	}
	if o.markdown != "" {
		if err := report.insert(o.markdown); err != nil {
			return err
		}
	}
	return report.defects()
}

// play runs scenarios and adds their results.
func (o options) play(ctx context.Context, scenarios []Scenario, report *Report, log io.Writer) error {
	folder, err := os.MkdirTemp("", "chatlake-bench-")
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Fprintln(log, "keeping everything in", folder)
	} else {
		defer os.RemoveAll(folder)
	}
	fmt.Fprintln(log, "building the contenders")
	programs, err := build(ctx, folder)
	if err != nil {
		return err
	}
	b := &benchmark{options: o, programs: programs, log: log}
	for _, s := range scenarios {
		for _, m := range b.scenario(ctx, s) {
			report.put(m)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		report.judge()
		if err := o.save(*report); err != nil { // keep the measurements if a later run fails
			return err
		}
	}
	return nil
}

// benchmark is one run of the program.
type benchmark struct {
	options
	*programs
	log     io.Writer
	world   World // to which truth belongs
	account Account
	truth   rowKeys
}

// scenario runs the contenders of a scenario one after the other.
func (b *benchmark) scenario(ctx context.Context, s Scenario) []Measured {
	var all []Measured
	for _, contender := range s.Contenders {
		began := time.Now()
		fmt.Fprintf(b.log, "%s, %s: ", s.Name, contender)
		m, err := b.contender(ctx, s, contender)
		var leftOut *errLeftOut
		switch {
		case errors.As(err, &leftOut):
			m = Measured{Scenario: s, Contender: contender, LeftOut: leftOut.why, Events: -1}
			fmt.Fprintln(b.log, "left out:", leftOut.why)
		case err != nil:
			m = Measured{Scenario: s, Contender: contender, Failed: err.Error(), Events: -1}
			fmt.Fprintln(b.log, "failed:", err)
		default:
			fmt.Fprintf(b.log, "%.1f s (%.0f s including setup and checks)\n", m.Seconds, time.Since(began).Seconds())
		}
		all = append(all, m)
		if ctx.Err() != nil {
			break
		}
	}
	return all
}

func (b *benchmark) contender(ctx context.Context, s Scenario, contender string) (m Measured, err error) {
	folder := filepath.Join(b.folder, s.Name+"-"+contender)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return m, err
	}
	st := &stage{programs: b.programs, Scenario: s, folder: folder}
	defer func() {
		st.end()
		if !b.keep {
			_ = os.RemoveAll(folder)
		}
	}()
	if st.platform, err = startPlatform(ctx, b.self, simulated{s.World, s.Site, s.Account}); err != nil {
		return m, err
	}
	st.free = append(st.free, st.platform.stop)
	limited, cancel := context.WithTimeoutCause(ctx, s.limit(), errSlow)
	defer cancel()
	out, err := st.run(limited, contender)
	if errors.Is(err, errSlow) {
		err = &errLeftOut{fmt.Sprintf("it had not ended after %s", s.limit())}
	}
	if err != nil {
		return m, err
	}
	asked, err := st.platform.counts()
	if err != nil {
		return m, err
	}
	d, err := b.compare(ctx, s, out)
	if err != nil {
		return m, err
	}
	m = measure(s, contender, st.platform.Necessary, out, asked, d)
	if s.Parquet && contender == folderName {
		m.Parquet, err = rewrite(ctx, filepath.Join(folder, "lake"), out.files, filepath.Join(folder, "rewritten"))
	}
	return m, err
}

// compare compares the rows of a run with the world.
func (b *benchmark) compare(ctx context.Context, s Scenario, out outcome) (difference, error) {
	if b.truth == nil || b.world != s.World || b.account != s.Account {
		b.world, b.account, b.truth = s.World, s.Account, truthOf(s.World, s.Account)
	}
	if out.keys != nil {
		return compare(b.truth.only(slices.Collect(maps.Keys(out.keys))), out.keys), nil
	}
	got, err := keysOf(ctx, out.lake, out.files, s.Account)
	return compare(b.truth, got), err
}

// errSlow ends a run that takes longer than its scenario allows. It does not mean that a row is wrong.
var errSlow = errors.New("it takes too long")

// end releases what the run acquired, in reverse order.
func (s *stage) end() {
	for i := len(s.free) - 1; i >= 0; i-- {
		s.free[i]()
	}
}
