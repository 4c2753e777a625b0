package bond

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"
)

// announce tells switches and neighbours where the addresses of a link are now,
// with a gratuitous ARP request for each IPv4 address (RFC 5227 section 3).
type announce struct{ link string }

func (c announce) String() string  { return "announce the addresses of " + c.link }
func (c announce) inverse() Change { return nil }
func (c announce) apply() error {
	ifi, err := net.InterfaceByName(c.link)
	if err != nil {
		return err
	}
	actual, err := Observe(c.link)
	if err != nil {
		return err
	}
	conn, err := packet.Listen(ifi, packet.Raw, int(ethernet.EtherTypeARP), nil)
	if err != nil {
		return fmt.Errorf("open %s: %w", c.link, err)
	}
	defer conn.Close()
	for _, a := range actual.Link.Addresses {
		if addr := a.Prefix().Addr(); addr.Is4() {
			if err := sendARP(conn, ifi.HardwareAddr, addr); err != nil {
				return err
			}
		}
	}
	return nil
}

func sendARP(conn *packet.Conn, mac net.HardwareAddr, addr netip.Addr) error {
	p, err := arp.NewPacket(arp.OperationRequest, mac, addr, ethernet.Broadcast, addr)
	if err != nil {
		return err
	}
	payload, err := p.MarshalBinary()
	if err != nil {
		return err
	}
	frame, err := (&ethernet.Frame{
		Destination: ethernet.Broadcast, Source: mac, EtherType: ethernet.EtherTypeARP, Payload: payload,
	}).MarshalBinary()
	if err != nil {
		return err
	}
	_, err = conn.WriteTo(frame, &packet.Addr{HardwareAddr: ethernet.Broadcast})
	return err
}
