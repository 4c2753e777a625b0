package nodefile

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"vipd/cluster/conf"
)

// maxSocketPath is the size of sun_path without its final zero (unix(7)).
const maxSocketPath = 107

// Bounds of a port.
const (
	minPort = 1
	maxPort = 65535
)

// check reports to doc which values cannot be.
func (f *File) check(doc *conf.Document) {
	if f.Node != "" {
		report(doc, "node", conf.CheckNode(f.Node))
	}
	if f.Listen.IsValid() {
		report(doc, "listen", checkListen(f.Listen.Addr))
	}
	f.checkPorts(doc)
	report(doc, "data_dir", checkPath(f.DataDir, "/var/lib/vipd"))
	report(doc, "socket", checkPath(f.Socket, "/run/vipd/vipd.sock"))
	if len(f.Socket) > maxSocketPath {
		doc.Add("socket", fmt.Sprintf("the path has %d bytes", len(f.Socket)), fmt.Sprintf("the kernel allows %d; choose a shorter one", maxSocketPath))
	}
	report(doc, "socket_mode", checkMode(f.SocketMode))
	for i, dir := range f.ScriptDirs {
		report(doc, fmt.Sprintf("script_dirs[%d]", i), checkPath(dir, "/etc/vipd/scripts"))
	}
	for _, key := range slices.Sorted(maps.Keys(f.Labels)) {
		report(doc, conf.Join("labels", key), conf.CheckLabel(key, f.Labels[key]))
	}
	oneOf(doc, "fence", string(f.Fence), "nftables", "none")
	oneOf(doc, "log.level", f.Log.Level, "debug", "info", "warn", "error")
	oneOf(doc, "log.format", f.Log.Format, "text", "json")
	f.checkTLS(doc)
	f.checkBonds(doc)
}

// checkListen reports why peers cannot reach a node at ip, as a Problem.
func checkListen(ip netip.Addr) error {
	kind := ""
	switch {
	case ip.Is4In6():
		return conf.Problem{Text: fmt.Sprintf("%s is IPv4 written as IPv6", ip), Remedy: fmt.Sprintf("write it as %s", ip.Unmap())}
	case ip.IsUnspecified():
		kind = "stands for any address"
	case ip.IsMulticast():
		kind = "is a multicast address"
	case ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		kind = "is a broadcast address"
	case ip.Zone() != "" || ip.Is6() && ip.IsLinkLocalUnicast():
		kind = "means something on one link only"
	default:
		return nil
	}
	return conf.Problem{Text: fmt.Sprintf("%s %s", ip, kind), Remedy: "write the address of this host at which the other nodes reach it"}
}

func (f *File) checkPorts(doc *conf.Document) {
	for _, port := range []struct {
		key   string
		value int
	}{{"gossip_port", f.GossipPort}, {"cluster_port", f.ClusterPort}} {
		if port.value < minPort || port.value > maxPort {
			doc.Add(port.key, fmt.Sprintf("%d is not a port", port.value), fmt.Sprintf("use %d to %d", minPort, maxPort))
		}
	}
	// Both listen on TCP.
	if f.GossipPort == f.ClusterPort {
		key := "cluster_port"
		if !doc.Has(key) {
			key = "gossip_port"
		}
		doc.Add(key, fmt.Sprintf("%d is the port of gossip and of the cluster", f.GossipPort), "give them different ports")
	}
}

func checkPath(path, example string) error {
	switch clean := filepath.Clean(path); {
	case strings.ContainsRune(path, 0) || !filepath.IsAbs(path):
		return conf.Problem{Text: fmt.Sprintf("%q is not an absolute path", conf.Short(path)), Remedy: "write it from the root, as " + example}
	case clean == "/":
		return conf.Problem{Text: "the root directory cannot be meant", Remedy: "write a path of vipd's own, as " + example}
	case clean != path:
		return conf.Problem{Text: fmt.Sprintf("%s is a roundabout path", conf.Short(path)), Remedy: "write it as " + conf.Short(clean)}
	}
	return nil
}

func oneOf(doc *conf.Document, key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		last := len(allowed) - 1
		doc.Add(key, fmt.Sprintf("%q is not a choice", conf.Short(value)), "write "+strings.Join(allowed[:last], ", ")+" or "+allowed[last])
	}
}

// report adds an error that is a Problem, if there is one.
func report(doc *conf.Document, key string, err error) {
	var p conf.Problem
	if errors.As(err, &p) {
		doc.Add(key, p.Text, p.Remedy)
	}
}
