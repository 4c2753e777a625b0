package consensus

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// Stream is the way to the other nodes.
type Stream interface {
	net.Listener
	// Dial connects to a node at an address. That somebody else answers there is an error: Raft takes whatever comes back
	// for the node's own word, a vote too.
	Dial(ctx context.Context, node, address string) (net.Conn, error)
}

// headStart is how long the newer address has to itself.
const headStart = 200 * time.Millisecond

// dialer finds a node that is not where Raft's configuration says, which has the address that the node was added by.
type dialer struct {
	Stream
	elsewhere func(node string) string
}

// via is what Raft's transport is told to dial, and keeps connections by: a node, and its address in the configuration.
func via(id raft.ServerID, address raft.ServerAddress) raft.ServerAddress {
	return raft.ServerAddress(id) + "@" + address
}

// Dial implements raft.StreamLayer, for what via made.
func (d dialer) Dial(target raft.ServerAddress, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	at := strings.LastIndexByte(string(target), '@') // no address has one
	node, configured := string(target[:at]), string(target[at+1:])
	if now := d.elsewhere(node); now != "" && now != configured {
		return d.either(ctx, node, now, configured)
	}
	return d.Stream.Dial(ctx, node, configured)
}

// dialed is how an attempt to connect ended.
type dialed struct {
	conn net.Conn
	err  error
}

// either connects to a node at one address or, if that fails or takes long, at another.
func (d dialer) either(ctx context.Context, node, first, second string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan dialed, 2)
	dial := func(address string) {
		conn, err := d.Stream.Dial(ctx, node, address)
		ended <- dialed{conn, err}
	}
	go dial(first)
	alone := time.NewTimer(headStart)
	defer alone.Stop()
	var failed error
	for pending, last := 1, false; pending > 0; {
		select {
		case end := <-ended:
			pending--
			if end.err == nil {
				go closeRest(ended, pending)
				return end.conn, nil
			}
			failed = errors.Join(failed, end.err)
		case <-alone.C:
		}
		if !last {
			last = true
			pending++
			go dial(second)
		}
	}
	return nil, failed
}

// closeRest closes connections that nobody waits for any more.
func closeRest(ended <-chan dialed, pending int) {
	for range pending {
		if end := <-ended; end.err == nil {
			end.conn.Close()
		}
	}
}
