package fence

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// Counters say how many packets the fence dropped since [Open], by where they were headed and what they were.
type Counters struct {
	ARPIn   uint64 // ARP asking for a guarded address
	ARPOut  uint64 // ARP sent from one
	IPv4In  uint64
	IPv4Out uint64
	IPv6In  uint64
	IPv6Out uint64
	NDIn    uint64 // neighbour solicitations for a guarded address
	NDOut   uint64 // neighbour advertisements of one

	// Stalls counts writes of the lease during which the process was held up for longer than allowed for.
	Stalls uint64
}

// Counters reads the counters from the kernel.
func (f *Fence) Counters() (Counters, error) {
	f.mu.Lock()
	c := Counters{Stalls: f.stalled}
	f.mu.Unlock()
	fields := map[string]*uint64{
		"arp_in": &c.ARPIn, "arp_out": &c.ARPOut,
		"ipv4_in": &c.IPv4In, "ipv4_out": &c.IPv4Out,
		"ipv6_in": &c.IPv6In, "ipv6_out": &c.IPv6Out,
		"nd_in": &c.NDIn, "nd_out": &c.NDOut,
	}
	err := f.read(func(nft *nftables.Conn) error {
		for _, t := range f.tables {
			objs, err := nft.GetNamedObjects(t.nft)
			if err != nil {
				return err
			}
			for _, o := range objs {
				named, ok := o.(*nftables.NamedObj)
				if !ok {
					continue
				}
				if counter, ok := named.Obj.(*expr.Counter); ok && fields[named.Name] != nil {
					*fields[named.Name] = counter.Packets
				}
			}
		}
		return nil
	})
	if err != nil {
		return Counters{}, fmt.Errorf("read counters of %s: %w", f.name, err)
	}
	return c, nil
}
