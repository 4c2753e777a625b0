package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"
)

// dialLimit is how long a peer may take to answer.
const dialLimit = 2 * time.Second

// peers connects to each other node on both TCP ports, from this node's own address.
func (h Host) peers(ctx context.Context) []Finding {
	if h.Status == nil || !h.File.Listen.IsValid() {
		return nil
	}
	var mu sync.Mutex
	var found []Finding
	var dialing sync.WaitGroup
	for _, n := range h.Status.Nodes {
		host, port, err := net.SplitHostPort(n.Address)
		if n.Name == h.Status.Node || err != nil {
			continue
		}
		for _, p := range []string{port, strconv.Itoa(h.File.GossipPort)} {
			dialing.Go(func() {
				if f := h.dial(ctx, n.Name, host, p); f != nil {
					mu.Lock()
					defer mu.Unlock()
					found = append(found, *f)
				}
			})
		}
	}
	dialing.Wait()
	return found
}

func (h Host) dial(ctx context.Context, node, host, port string) *Finding {
	address := net.JoinHostPort(host, port)
	d := net.Dialer{Timeout: dialLimit, LocalAddr: &net.TCPAddr{IP: h.File.Listen.AsSlice()}}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err == nil {
		conn.Close()
		return nil
	}
	f := Finding{Severity: Problem, About: "peer"}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Text = fmt.Sprintf("%s refuses connections at %s: its vipd does not run, or a firewall rejects them", node, address)
		f.Remedy = "on " + node + ": systemctl start vipd; vipctl doctor"
	case isTimeout(err):
		f.Text = fmt.Sprintf("%s does not answer at %s within %v: it is down, or a firewall drops the packets", node, address, dialLimit)
		f.Remedy = fmt.Sprintf("on both hosts let TCP and UDP port %d and TCP port %d through, as: nft insert rule inet filter input meta l4proto { tcp, udp } th dport { %d, %d } accept",
			h.File.GossipPort, h.File.ClusterPort, h.File.GossipPort, h.File.ClusterPort)
	default:
		f.Text = fmt.Sprintf("%s cannot be reached at port %s: %v", node, port, err)
		f.Remedy = "ip route get " + host
	}
	return &f
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// probeLimit is how long somebody who has an address may take to say so.
const probeLimit = 500 * time.Millisecond

// duplicates asks on the segment for addresses that no node holds. Whoever answers is somebody else.
func (h Host) duplicates(ctx context.Context) []Finding {
	var mu sync.Mutex
	var found []Finding
	var probing sync.WaitGroup
	for _, u := range h.uses() {
		ifi, err := net.InterfaceByName(u.link)
		if err != nil || u.held {
			continue
		}
		probing.Go(func() {
			mac, err := probe(ctx, ifi, u.prefix.Addr())
			f := Finding{Problem, "address", fmt.Sprintf("%s of group %s, which no node holds, is answered for by %s on %s", u.prefix.Addr(), u.group, mac, u.link),
				fmt.Sprintf("find who has it, by the switch's table of MAC addresses or: ip neigh | grep %s; then take it off there", mac)}
			switch {
			case errors.Is(err, os.ErrPermission):
				f = Finding{Note, "address", "whether somebody else has a group's address cannot be seen without rights", "sudo vipctl doctor"}
			case err != nil:
				f = Finding{Note, "address", fmt.Sprintf("ask for %s on %s: %v", u.prefix.Addr(), u.link, err), ""}
			case mac == nil:
				return
			}
			mu.Lock()
			defer mu.Unlock()
			found = append(found, f)
		})
	}
	probing.Wait()
	return found
}

// probe returns who has an address; nil: nobody.
func probe(ctx context.Context, ifi *net.Interface, ip netip.Addr) (net.HardwareAddr, error) {
	if ip.Is6() {
		return solicit(ctx, ifi, ip)
	}
	client, err := arp.Dial(ifi)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if err := client.SetDeadline(time.Now().Add(probeLimit)); err != nil {
		return nil, err
	}
	// A probe has no sender address, so nobody's neighbour table changes (RFC 5227 section 2.1.1).
	none := net.HardwareAddr{0, 0, 0, 0, 0, 0}
	request, err := arp.NewPacket(arp.OperationRequest, ifi.HardwareAddr, netip.IPv4Unspecified(), none, ip)
	if err != nil {
		return nil, err
	}
	if err := client.WriteTo(request, ethernet.Broadcast); err != nil {
		return nil, err
	}
	for ctx.Err() == nil {
		p, _, err := client.Read()
		if isTimeout(err) {
			return nil, nil
		}
		if err == nil && p.Operation == arp.OperationReply && p.SenderIP == ip {
			return p.SenderHardwareAddr, nil
		}
	}
	return nil, ctx.Err()
}

func solicit(ctx context.Context, ifi *net.Interface, ip netip.Addr) (net.HardwareAddr, error) {
	conn, _, err := ndp.Listen(ifi, ndp.LinkLocal)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	to, err := ndp.SolicitedNodeMulticast(ip)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(probeLimit)); err != nil {
		return nil, err
	}
	ask := &ndp.NeighborSolicitation{TargetAddress: ip, Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: ifi.HardwareAddr}}}
	if err := conn.WriteTo(ask, nil, to); err != nil {
		return nil, err
	}
	for ctx.Err() == nil {
		m, _, _, err := conn.ReadFrom()
		if isTimeout(err) {
			return nil, nil
		}
		answer, ok := m.(*ndp.NeighborAdvertisement)
		if err != nil || !ok || answer.TargetAddress != ip {
			continue
		}
		for _, o := range answer.Options {
			if a, ok := o.(*ndp.LinkLayerAddress); ok {
				return a.Addr, nil
			}
		}
	}
	return nil, ctx.Err()
}
