package keepalived

import (
	"fmt"
	"net/netip"
	"time"
)

// Priorities by default: 255 if the instance says it is the master and nothing else.
const (
	defaultPriority = 100
	ownerPriority   = 255
)

// finishInstance fills in defaults and checks what only the whole block can tell.
func (r *reader) finishInstance(in *Instance) {
	in.IPv6, _ = family(in)
	if in.VRID == 0 {
		r.refuse(in.Pos, "vrrp_instance %s has no valid virtual_router_id", in.Name)
	}
	if in.Interface == "" && !in.UnicastSource.IsValid() {
		r.refuse(in.Pos, "vrrp_instance %s has no interface", in.Name)
	}
	if len(in.Addresses) == 0 {
		r.warn(in.Pos, "vrrp_instance %s has no virtual_ipaddress", in.Name)
	}
	r.finishVersion(in)
	r.finishPriority(in)
	r.finishAuth(in)
	r.finishUnicast(in)
	in.GARP.finish()
}

func (r *reader) finishVersion(in *Instance) {
	switch {
	case in.IPv6:
		if in.Version == 2 {
			r.warn(in.Pos, "vrrp_instance %s: version 2 over IPv6, taken for 3", in.Name)
			r.amendAt(in, "version", Translated, "3, which IPv6 takes")
		}
		in.Version = 3
	case in.Version == 0:
		in.Version = r.cfg.Globals.Version
	}
	if d := roundInterval(in.Version, in.AdvertInt); d != in.AdvertInt {
		r.warn(in.Pos, "vrrp_instance %s: version %d cannot advertise every %v; %v it is", in.Name, in.Version, in.AdvertInt, d)
		r.amendAt(in, "advert_int", Translated, "%v, which version %d can express; keepalived rounds likewise", d, in.Version)
		in.AdvertInt = d
	}
}

// finishPriority knows keepalived's trap: a master without a priority owns the addresses.
func (r *reader) finishPriority(in *Instance) {
	if in.Priority == 0 {
		in.Priority = defaultPriority
		if in.StateMaster {
			in.Priority = ownerPriority
			r.amendAt(in, "state", Translated, "priority 255, since no priority is given")
		}
	}
	if in.Priority == ownerPriority && in.NoPreempt {
		r.warn(in.Pos, "vrrp_instance %s: an owner of priority 255 always preempts", in.Name)
		r.amendAt(in, "nopreempt", NotNeeded, "an owner of priority 255 always preempts")
		in.NoPreempt = false
	}
	if in.StateMaster && in.NoPreempt {
		r.warn(in.Pos, "vrrp_instance %s: nopreempt does nothing with state MASTER", in.Name)
		r.amendAt(in, "nopreempt", NotNeeded, "keepalived ignores it with state MASTER")
		in.NoPreempt = false
	}
	if in.StateMaster && in.PreemptDelay > 0 {
		r.warn(in.Pos, "vrrp_instance %s: preempt_delay does nothing with state MASTER", in.Name)
		r.amendAt(in, "preempt_delay", NotNeeded, "keepalived ignores it with state MASTER")
		in.PreemptDelay = 0
	}
}

func (r *reader) finishAuth(in *Instance) {
	switch {
	case in.AuthType == "":
	case in.Version == 3:
		r.warn(in.Pos, "vrrp_instance %s: version 3 has no authentication, ignored", in.Name)
		r.amendAuth(in, NotNeeded, "version 3 has none; keepalived ignores it too")
		in.AuthType = ""
	case in.AuthPass == "":
		r.warn(in.Pos, "vrrp_instance %s: authentication without a password, ignored", in.Name)
		r.amendAuth(in, NotNeeded, "without a password keepalived ignores it")
		in.AuthType = ""
	case in.AuthType == "AH":
		r.amendAuth(in, Unsupported, ahText)
	}
}

func (r *reader) amendAuth(in *Instance, v Verdict, text string) {
	for _, keyword := range []string{"authentication", "auth_type", "auth_pass"} {
		r.amendAt(in, keyword, v, "%s", text)
	}
}

const ahText = "AH is not spoken: its packets are of another protocol, its counter is shared by all senders " +
	"so that a failover is taken for a replay, and keepalived itself advises against it; set PASS or none on all peers first"

func (r *reader) finishUnicast(in *Instance) {
	if _, ok := in.at["unicast_peer"]; ok && len(in.UnicastPeers) == 0 || in.UnicastSource.IsValid() && len(in.UnicastPeers) == 0 {
		r.warn(in.Pos, "vrrp_instance %s: no unicast peers, so it uses multicast", in.Name)
	}
	if in.UnicastSource.IsValid() && len(in.UnicastPeers) == 0 && !in.MulticastSource.IsValid() {
		in.MulticastSource, in.UnicastSource = in.UnicastSource, netip.Addr{}
	}
}

// amendAt changes what was recorded about a keyword of the instance.
func (r *reader) amendAt(in *Instance, keyword string, v Verdict, format string, args ...any) {
	if at, ok := in.at[keyword]; ok {
		r.cfg.Directives[at].Verdict, r.cfg.Directives[at].Text = v, fmt.Sprintf(format, args...)
	}
}

// finish checks what spans several blocks.
func (r *reader) finish() {
	for i, in := range r.cfg.Instances {
		for _, other := range r.cfg.Instances[:i] {
			if sameRouter(in, other) {
				r.refuse(in.Pos, "vrrp_instance %s has virtual_router_id %d on %s like %s at line %d", in.Name, in.VRID, in.Interface, other.Name, other.Line)
			}
		}
	}
	for _, in := range r.cfg.Instances {
		r.resolve(&in.Track)
	}
	r.finishGroups()
	for _, s := range r.cfg.Scripts {
		if s.Timeout == 0 {
			s.Timeout = max(s.Interval, time.Second)
		}
		if len(s.Command) == 0 {
			r.warn(s.Pos, "vrrp_script %s has no script, ignored", s.Name)
		}
	}
}

// sameRouter reports two instances that would share their packets.
func sameRouter(a, b *Instance) bool {
	return a.VRID == b.VRID && a.Interface == b.Interface && a.IPv6 == b.IPv6 &&
		len(a.UnicastPeers) == 0 && len(b.UnicastPeers) == 0 && a.MulticastGroup == b.MulticastGroup
}

func (r *reader) finishGroups() {
	for _, g := range r.cfg.SyncGroups {
		r.resolve(&g.Track)
		var known []string
		for _, name := range g.Instances {
			if r.cfg.instance(name) == nil {
				r.warn(g.Pos, "vrrp_sync_group %s names %s, which does not exist, ignored", g.Name, name)
				continue
			}
			known = append(known, name)
		}
		g.Instances = known
		if len(known) < 2 {
			r.warn(g.Pos, "vrrp_sync_group %s has %d instances, which syncs nothing", g.Name, len(known))
		}
	}
}

// instance finds an instance by name, or nil.
func (c *Config) instance(name string) *Instance {
	for _, in := range c.Instances {
		if in.Name == name {
			return in
		}
	}
	return nil
}
