package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"vipd/cluster/state"
	"vipd/vrrp"
)

// stationKey tells stations apart.
type stationKey struct {
	iface string
	ipv6  bool
}

// station is the socket that all virtual routers of an interface and family share, or that of a virtual MAC.
type station struct {
	conn    *vrrp.Conn
	index   int // of the interface
	closed  chan struct{}
	routers map[uint8]*virtualRouter // by number
}

// receiveRetry is the pause after the socket refused to receive, as while the interface is down.
const receiveRetry = 100 * time.Millisecond

// sourceOf chooses the address that adverts come from; never a virtual one.
func sourceOf(key stationKey, view *state.State) (netip.Addr, int, error) {
	var virtual []netip.Addr
	for _, g := range view.Groups {
		virtual = append(virtual, g.IPs()...)
	}
	ifi, err := net.InterfaceByName(key.iface)
	if err != nil {
		return netip.Addr{}, 0, fmt.Errorf("find interface %s: %w", key.iface, err)
	}
	source, err := vrrp.SourceAddress(key.iface, key.ipv6, virtual)
	if errors.Is(err, vrrp.ErrNoSource) && key.ipv6 {
		err = fmt.Errorf("%w: %s needs a link-local IPv6 address", vrrp.ErrNoSource, key.iface)
	} else if errors.Is(err, vrrp.ErrNoSource) {
		err = fmt.Errorf("%w: %s needs an IPv4 address of its own", vrrp.ErrNoSource, key.iface)
	}
	return source, ifi.Index, err
}

// openStation opens the socket in the network namespace of this process.
func openStation(key stationKey, view *state.State) (*station, error) {
	source, index, err := sourceOf(key, view)
	if err != nil {
		return nil, err
	}
	conn, err := vrrp.Listen(context.Background(), vrrp.ConnConfig{Interface: key.iface, Source: source})
	if err != nil {
		return nil, err
	}
	return newStation(conn, index), nil
}

func newStation(conn *vrrp.Conn, index int) *station {
	return &station{conn: conn, index: index, closed: make(chan struct{}), routers: map[uint8]*virtualRouter{}}
}

// stands reports whether the interface is still the one that the socket is on, with the same address.
func (st *station) stands(key stationKey, view *state.State) bool {
	source, index, err := sourceOf(key, view)
	return err == nil && source == st.conn.Source() && index == st.index
}

func (st *station) close() error {
	close(st.closed)
	return st.conn.Close()
}

// receive hands packets on until the station is closed.
func (st *station) receive(deliver func(vrrp.Packet), complain func(error)) {
	for {
		p, err := st.conn.Receive()
		switch {
		case err == nil:
			deliver(p)
			continue
		case errors.Is(err, net.ErrClosed):
			return
		}
		complain(err)
		select {
		case <-st.closed:
			return
		case <-time.After(receiveRetry):
		}
	}
}
