//go:build !noembedded

package embedded

import (
	"fmt"
	"syscall"
)

// ports stay bound from the moment that they are chosen until release, so the kernel does not hand them out as free ports. The
// server can still listen on them: it binds with SO_REUSEADDR, as all Go listeners do, and Linux allows that if the other socket
// also has SO_REUSEADDR and does not listen.
type ports struct {
	numbers []int
	sockets []int
}

// reserve binds n free ports of the loopback interface.
func reserve(n int) (*ports, error) {
	p := &ports{}
	for range n {
		if err := p.bind(0); err != nil {
			p.release()
			return nil, fmt.Errorf("find a free port: %w", err)
		}
	}
	return p, nil
}

func (p *ports) bind(port int) error {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	p.sockets = append(p.sockets, socket)
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	bound, err := syscall.Getsockname(socket)
	if err != nil {
		return err
	}
	p.numbers = append(p.numbers, bound.(*syscall.SockaddrInet4).Port)
	return nil
}

// handOver is called when the server is about to listen.
func (p *ports) handOver() {}

// release is called when the server listens, or has failed to.
func (p *ports) release() {
	for _, socket := range p.sockets {
		_ = syscall.Close(socket)
	}
	p.sockets = nil
}
