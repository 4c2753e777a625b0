package nodefile

import (
	"fmt"
	"net/netip"
	"os"
	"strings"

	"vipd/cluster/conf"
)

// Resolve fills in what the file leaves to the host: its name, and the address of its default route. The
// error is of type conf.Errors and names each key to set by hand.
func Resolve(f File) (File, error) {
	return resolve(f, os.Hostname, defaultSource)
}

func resolve(f File, hostname func() (string, error), source func() (netip.Addr, error)) (File, error) {
	var doc conf.Document
	if f.Node == "" {
		name, err := hostname()
		f.Node, _, _ = strings.Cut(name, ".")
		switch {
		case err != nil:
			doc.Add("node", fmt.Sprintf("the host's name is unknown: %v", err), "set `node` in the node file")
		case conf.CheckNode(f.Node) != nil:
			doc.Add("node", fmt.Sprintf("the host's name, %q, cannot be a node's", conf.Short(f.Node)), "set `node` in the node file")
		}
	}
	if !f.Listen.IsValid() {
		ip, err := source()
		if planned := f.plannedSource(); err != nil && planned.IsValid() {
			ip, err = planned, nil
		}
		f.Listen = Address{ip}
		if err != nil {
			doc.Add("listen", fmt.Sprintf("this host's address is unknown: %v", err), "set `listen` in the node file to the address at which the other nodes reach this one")
		}
	}
	if _, err := f.ScriptCredential(); err != nil {
		doc.Add("script_user", err.Error(), "name a user of this host's /etc/passwd, or leave it out")
	}
	if err := doc.Err(); err != nil {
		return File{}, err
	}
	return f, nil
}

// plannedSource returns the address from which this host will speak by its default route once the bonds of the
// file are built; the zero Addr if no bond has the route.
func (f *File) plannedSource() netip.Addr {
	for _, b := range f.Bonds {
		for _, gateway := range []Address{b.Gateway, b.Gateway6} {
			for _, own := range b.Addresses {
				if gateway.IsValid() && own.Contains(gateway.Addr) {
					return own.Addr()
				}
			}
		}
	}
	return netip.Addr{}
}
