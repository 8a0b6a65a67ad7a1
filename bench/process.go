package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a child process whose use of the machine is measured.
type process struct {
	cmd    *exec.Cmd
	said   tail // its standard error, and its standard output unless something else reads it
	exited chan struct{}

	mu   sync.Mutex
	peak int64 // of its resident memory, in bytes
}

// start starts a program in a folder. out gets its standard output.
func start(folder string, env []string, out io.Writer, in io.Reader, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(program, args...), exited: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdin = folder, append(os.Environ(), env...), in
	p.cmd.Stdout, p.cmd.Stderr = out, &p.said
	if out == nil {
		p.cmd.Stdout = &p.said
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	go p.watch()
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // ProcessState has the result
	}()
	return p, nil
}

// lookEvery is how often the memory of a process is sampled. The system's own maximum at the end would include the memory of the
// parent process.
const lookEvery = 50 * time.Millisecond

func (p *process) watch() {
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	for {
		select {
		case <-p.exited:
			return
		case <-every.C:
			if n := residentPeak(p.cmd.Process.Pid); n > 0 {
				p.mu.Lock()
				p.peak = n
				p.mu.Unlock()
			}
		}
	}
}

// residentPeak is VmHWM of a process, 0 if it is not available.
func residentPeak(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, found := bytes.Cut(text, []byte("VmHWM:"))
	if !found {
		return 0
	}
	line, _, _ := strings.Cut(string(rest), "\n")
	kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(line), " kB"), 10, 64)
	return kilobytes << 10
}

// memory is the largest resident size of the process so far.
func (p *process) memory() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peak
}

// cpu is the processor time of the process, once it has exited.
func (p *process) cpu() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// wait waits until the process has ended with status 0.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.exited:
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("%w; it said:\n%s", context.Cause(ctx), p.said.String())
	}
	if status := p.cmd.ProcessState.ExitCode(); status != 0 {
		return fmt.Errorf("exit status %d; it said:\n%s", status, p.said.String())
	}
	return nil
}

// kill ends the process with SIGKILL and waits until it is gone.
func (p *process) kill() {
	if err := p.cmd.Process.Kill(); err == nil || errors.Is(err, os.ErrProcessDone) {
		<-p.exited
	}
}

// stop asks the process to end, and kills it if it does not.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		p.kill()
	}
}

// tick is the unit in which the system counts processor time.
const tick = 10 * time.Millisecond

// cpuOf is the processor time of a running process so far, 0 if it is not available.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name of the program, in brackets, may contain anything; user and system time are the 12th and 13th field after it.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick
}

// busy is the processor time of all processes of the machine so far, 0 if it is not available.
func busy() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	// cpu user nice system idle iowait irq softirq steal, in hundredths of a second
	line, _, _ := strings.Cut(string(text), "\n")
	var sum int64
	for i, field := range strings.Fields(line) {
		if ticks, err := strconv.ParseInt(field, 10, 64); err == nil && i != 4 && i != 5 && i < 9 {
			sum += ticks
		}
	}
	return time.Duration(sum) * tick
}

// tailBytes is how much of a process's output is kept.
const tailBytes = 4 << 10

// tail keeps the end of what is written.
type tail struct {
	mu   sync.Mutex
	said []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.said = append(t.said, p...)
	if len(t.said) > 2*tailBytes {
		t.said = append([]byte(nil), t.said[len(t.said)-tailBytes:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.said[max(0, len(t.said)-tailBytes):])
}
