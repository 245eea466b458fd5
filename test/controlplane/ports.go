package controlplane

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// ports are free ports of this machine's addresses, kept by bound sockets that do not listen. Each process binds its own beside the
// reservation (SO_REUSEPORT), so no other program can take a port between choosing and using it.
type ports struct {
	sockets []int
	numbers []uint16
}

// reservePorts finds one free port for each address, in their order.
func reservePorts(addresses ...netip.Addr) (*ports, error) {
	p := &ports{}
	for _, address := range addresses {
		if err := p.reserve(address); err != nil {
			p.release()
			return nil, fmt.Errorf("reserving a port of %s: %w", address, err)
		}
	}
	return p, nil
}

func (p *ports) reserve(address netip.Addr) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	p.sockets = append(p.sockets, socket)
	if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return err
	}
	if err := unix.Bind(socket, &unix.SockaddrInet4{Addr: address.As4()}); err != nil {
		return err
	}
	bound, err := unix.Getsockname(socket)
	if err != nil {
		return err
	}
	found, ok := bound.(*unix.SockaddrInet4)
	if !ok {
		return errors.New("the kernel answered with another kind of address")
	}
	p.numbers = append(p.numbers, uint16(found.Port)) //nolint:gosec // a port has 16 bits
	return nil
}

func (p *ports) number(i int) uint16 { return p.numbers[i] }

// release gives the ports to the processes that listen on them by now.
func (p *ports) release() {
	for _, socket := range p.sockets {
		_ = unix.Close(socket) // nothing was written to it
	}
	p.sockets = nil
}
