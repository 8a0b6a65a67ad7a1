package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
)

// crew is the chatlake processes of one run.
type crew struct {
	*stage
	folder string // of the process that exports
	store  ledger.Config
	server *server // nil if the exporting process has the embedded server
	all    []*process
}

// work runs an export to its end.
func (c *crew) work(ctx context.Context) (outcome, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer func() {
		for _, p := range c.all {
			p.kill()
		}
	}()
	began, used := time.Now(), busy()
	exporting, err := c.export()
	if err != nil {
		return outcome{}, err
	}
	var others []*process
	for n := 2; n <= c.Workers; n++ {
		other, err := c.join(ctx, fmt.Sprintf("worker%d", n), exporting)
		if err != nil {
			return outcome{}, err
		}
		others = append(others, other)
	}
	if c.Kill > 0 {
		if exporting, err = c.killed(exporting); err != nil {
			return outcome{}, err
		}
	}
	again := time.Now()
	if err := exporting.wait(ctx); err != nil {
		return outcome{}, fmt.Errorf("export: %w", err)
	}
	out := outcome{wall: time.Since(began), again: time.Since(again)}
	used = busy() - used
	for _, other := range others {
		select {
		case <-other.exited:
			return out, fmt.Errorf("a worker ended before the export did:\n%s", other.said.String())
		default:
			other.stop()
		}
	}
	for _, p := range c.all {
		out.cpu += p.cpu()
		out.each = append(out.each, p.cpu())
		out.memory = max(out.memory, p.memory())
	}
	out.others = used - out.cpu
	return out, nil
}

func (c *crew) start(folder string, args ...string) (*process, error) {
	p, err := start(folder, environment(c.store), nil, nil, c.chatlake, args...)
	if err == nil {
		c.all = append(c.all, p)
	}
	return p, err
}

func (c *crew) export() (*process, error) {
	window := c.World.window()
	return c.start(c.folder, "export", "--account", account, "--output", "json", "--window", c.Account.window(),
		"--from", window.From.Format(time.DateOnly), "--to", window.To.Format(time.DateOnly))
}

// join starts one more worker, on the server of the exporting process.
func (c *crew) join(ctx context.Context, name string, exporting *process) (*process, error) {
	address, queue := "", defaultQueue
	if c.server != nil {
		address, queue = c.server.address, apartQueue
	} else {
		var err error
		if address, err = announcedAddress(ctx, filepath.Join(c.folder, "state"), exporting); err != nil {
			return nil, err
		}
	}
	folder, err := c.configure(name, c.store, external(address, queue))
	if err != nil {
		return nil, err
	}
	return c.start(folder, "worker")
}

// killed waits for the right moment, kills the exporting process, and starts it again.
func (c *crew) killed(exporting *process) (*process, error) {
	moment := int64(c.Kill * float64(c.platform.Necessary))
	reached, err := c.platform.reached(moment, exporting.exited)
	if err == nil && !reached {
		err = errors.New("the export ended before it could be killed")
	}
	if err != nil {
		return exporting, err
	}
	exporting.kill()
	again, err := c.export()
	if err != nil {
		return exporting, err
	}
	// Requests of the killed process may still arrive; those of the new one take much longer than this.
	return again, c.platform.mark()
}

// announcedAddress waits until an embedded server publishes its address.
func announcedAddress(ctx context.Context, state string, of *process) (string, error) {
	for {
		text, err := os.ReadFile(filepath.Join(state, "temporal.address"))
		if address := strings.TrimSpace(string(text)); err == nil && address != "" && listens(address) {
			return address, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		select {
		case <-of.exited:
			return "", fmt.Errorf("it ended before its Temporal server answered:\n%s", of.said.String())
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// events sums the histories of the run. An embedded server has ended with the run, so it is started once more.
func (c *crew) events(ctx context.Context) (int64, error) {
	if c.server != nil {
		return c.server.events(ctx)
	}
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	p, err := start(c.folder, environment(c.store), nil, nil, c.chatlake, "worker", "--ui-port", strconv.Itoa(port))
	if err != nil {
		return 0, err
	}
	defer p.stop()
	return historyEvents(ctx, port, p)
}
