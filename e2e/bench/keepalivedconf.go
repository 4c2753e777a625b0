package main

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// advert is keepalived's timing: the version of VRRP and the interval.
type advert struct {
	version  int
	interval time.Duration
}

// advertised is how many addresses are in the adverts of an instance.
const advertised = 20

// config is the keepalived.conf of a host: number counts them from 1. A raised
// one has the highest priority and takes everything over.
func (a advert) config(s service, number int, raised bool) string {
	priority, preempt := 250-50*number, "nopreempt"
	if raised {
		priority, preempt = 250, ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n  router_id node%d\n  vrrp_version %d\n}\n", number, a.version)
	for i, addrs := range s.groups {
		fmt.Fprintf(&b, "vrrp_instance VI_%d {\n  state BACKUP\n  interface eth0\n  virtual_router_id %d\n", i+1, i+1)
		fmt.Fprintf(&b, "  priority %d\n  advert_int %g\n  %s\n  virtual_ipaddress {\n", priority, a.interval.Seconds(), preempt)
		for n, addr := range addrs {
			if n == advertised {
				b.WriteString("  }\n  virtual_ipaddress_excluded {\n")
			}
			fmt.Fprintf(&b, "    %s\n", netip.PrefixFrom(addr, addr.BitLen()))
		}
		b.WriteString("  }\n}\n")
	}
	return b.String()
}
