package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// platform is the process that simulates the platform.
type platform struct {
	announced
	process *process
	input   io.Closer // closing it ends the process
}

// startPlatform starts one and waits until it answers.
func startPlatform(ctx context.Context, program string, config simulated) (*platform, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	in, input, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	said, out := io.Pipe()
	p := &platform{input: input}
	if p.process, err = start("", nil, out, in, program, "sim", string(text)); err != nil {
		_ = input.Close()
		return nil, err
	}
	go func() {
		<-p.process.exited
		_ = out.Close() // wakes a waiting reader
	}()
	if err := p.listen(ctx, said); err != nil {
		p.stop()
		return nil, fmt.Errorf("start the simulated platform: %w\n%s", err, p.process.said.String())
	}
	return p, nil
}

// listen waits for the line with the platform's address.
func (p *platform) listen(ctx context.Context, said io.Reader) error {
	first := make(chan error, 1)
	go func() {
		line, err := bufio.NewReader(said).ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, &p.announced)
		}
		first <- err
	}()
	select {
	case err := <-first:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *platform) stop() {
	_ = p.input.Close()
	select {
	case <-p.process.exited:
	case <-time.After(10 * time.Second):
		p.process.kill()
	}
}

// counts returns the platform's counts so far.
func (p *platform) counts() (counts, error) {
	var c counts
	answer, err := http.Get(p.Control + "/counts")
	if err != nil {
		return c, fmt.Errorf("ask the simulated platform: %w", err)
	}
	defer answer.Body.Close()
	err = json.NewDecoder(answer.Body).Decode(&c)
	return c, err
}

// mark tells the platform that chatlake has been killed and started again.
func (p *platform) mark() error {
	answer, err := http.Post(p.Control+"/mark", "", nil)
	if err != nil {
		return fmt.Errorf("tell the simulated platform: %w", err)
	}
	return answer.Body.Close()
}

// reached waits until the platform has had the given number of requests, or until stop is closed.
func (p *platform) reached(requests int64, stop <-chan struct{}) (bool, error) {
	for {
		c, err := p.counts()
		if err != nil || c.Requests >= requests {
			return err == nil, err
		}
		select {
		case <-stop:
			return false, nil
		case <-time.After(20 * time.Millisecond):
		}
	}
}
