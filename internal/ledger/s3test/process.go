package s3test

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"sync"
	"time"
)

// process is a server that can be killed and restarted.
type process struct {
	program, address, home string
	way                    []string // arguments that say where the data is

	mu      sync.Mutex
	running *exec.Cmd // nil if it is not running
	ended   chan error
}

// start starts the server and waits until it answers. It kills a server that does not.
func (p *process) start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running != nil {
		return fmt.Errorf("the S3 server at %s is already running", p.address)
	}
	var said output
	cmd := exec.Command(p.program, append([]string{"--port", p.address, "--region", region, "--quiet"}, p.way...)...)
	cmd.Env = []string{"ROOT_ACCESS_KEY=" + accessKey, "ROOT_SECRET_KEY=" + secretKey, "HOME=" + p.home}
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return fmt.Errorf("it exited: %v\n%s", err, said.String())
		case <-ctx.Done():
			_ = cmd.Process.Kill() // it may have exited
			<-ended
			return fmt.Errorf("no answer in %s: %w\n%s", startTimeout, ctx.Err(), said.String())
		case <-tick.C:
			if answers(p.address) {
				p.running, p.ended = cmd, ended
				return nil
			}
		}
	}
}

// kill kills the server and waits until it is gone. It does nothing if the server is not running.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == nil {
		return
	}
	_ = p.running.Process.Kill() // it may have exited
	<-p.ended
	p.running = nil
}

// output collects the output of a running process.
type output struct {
	mu   sync.Mutex
	said bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said.String()
}
