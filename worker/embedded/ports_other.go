//go:build !linux && !noembedded

package embedded

import (
	"fmt"
	"net"
)

// ports are held from the moment that they are chosen until the server is about to listen on them. If another process takes one
// in between, the start fails and is tried again with other ports.
type ports struct {
	numbers   []int
	listeners []net.Listener
}

// reserve holds n free ports of the loopback interface.
func reserve(n int) (*ports, error) {
	p := &ports{}
	for range n {
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
		if err != nil {
			p.release()
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		p.listeners = append(p.listeners, l)
		p.numbers = append(p.numbers, l.Addr().(*net.TCPAddr).Port)
	}
	return p, nil
}

// handOver is called when the server is about to listen.
func (p *ports) handOver() { p.release() }

// release is called when the server listens, or has failed to.
func (p *ports) release() {
	for _, l := range p.listeners {
		_ = l.Close()
	}
	p.listeners = nil
}
