package keepalived

import (
	"math"
	"net/netip"
	"time"
)

var instanceTable table

func init() {
	instanceTable = table{
		"state":                      {verdict: NotNeeded, text: "the priority decides, in keepalived too", args: 1, handle: (*reader).state},
		"interface":                  {verdict: Kept, args: 1, handle: func(r *reader, n *node) { r.inst.Interface = n.args()[0] }},
		"virtual_router_id":          {verdict: Kept, args: 1, handle: (*reader).vrid},
		"priority":                   {verdict: Kept, args: 1, handle: (*reader).priority},
		"advert_int":                 {verdict: Kept, args: 1, handle: (*reader).advertInt},
		"version":                    {verdict: Kept, args: 1, handle: (*reader).version},
		"virtual_ipaddress":          {verdict: Kept, lines: &keyword{verdict: Kept, handle: (*reader).vip}},
		"virtual_ipaddress_excluded": {verdict: Kept, text: "held, not advertised", lines: &keyword{verdict: Kept, text: "not advertised", handle: (*reader).excludedVIP}},
		"virtual_routes":             {verdict: Kept, lines: &keyword{verdict: Kept, handle: (*reader).route}},
		"virtual_rules":              {verdict: Kept, lines: &keyword{verdict: Kept, handle: (*reader).rule}},
		"authentication":             {verdict: Kept, block: true, handle: (*reader).authentication},
		"unicast_peer":               {verdict: Kept, lines: &keyword{verdict: Kept, handle: (*reader).peer}},
		"unicast_src_ip":             {verdict: Kept, args: 1, handle: func(r *reader, n *node) { r.inst.UnicastSource, _ = r.address(n, n.args()[0]) }},
		"mcast_src_ip":               {verdict: Kept, args: 1, handle: func(r *reader, n *node) { r.inst.MulticastSource, _ = r.address(n, n.args()[0]) }},
		"mcast_dst_ip":               {verdict: Kept, args: 1, handle: func(r *reader, n *node) { r.inst.MulticastGroup, _ = r.address(n, n.args()[0]) }},
		"unicast_ttl":                {verdict: Kept, args: 1, handle: func(r *reader, n *node) { r.count(n, &r.inst.UnicastTTL, 0, 255) }},
		"check_unicast_src":          {verdict: Kept, handle: func(r *reader, n *node) { r.inst.CheckUnicast = r.flag(n) }},
		"nopreempt":                  {verdict: Kept, handle: func(r *reader, n *node) { r.inst.NoPreempt = true }},
		"preempt":                    {verdict: Kept, text: "the default", handle: func(r *reader, n *node) { r.inst.NoPreempt = false }},
		"preempt_delay":              {verdict: Kept, args: 1, handle: (*reader).preemptDelay},
		"down_timer_adverts":         {verdict: Kept, args: 1, handle: func(r *reader, n *node) { r.count(n, &r.inst.DownTimerAdverts, 1, 100) }},
		"use_vmac":                   {verdict: Kept, handle: (*reader).useVMAC},
		"vmac_xmit_base":             {verdict: Kept, handle: func(r *reader, n *node) { r.inst.VMACXmitBase = true }},
		"lower_prio_no_advert":       {verdict: Kept, handle: func(r *reader, n *node) { r.inst.LowerPrioNoAdvert = r.flag(n) }},
		"higher_prio_send_advert":    {verdict: Kept, handle: func(r *reader, n *node) { r.inst.HigherPrioAdvert = r.flag(n) }},
		"v3_checksum_as_v2":          {verdict: Translated, text: "the form of the checksum", handle: func(r *reader, n *node) { r.inst.ChecksumAsV2 = r.flag(n) }},
		"no_accept":                  {verdict: Unsupported, text: "packets to the addresses are always accepted", handle: func(r *reader, n *node) { r.inst.NoAccept = true }},
		"accept":                     {verdict: NotNeeded, text: "the default"},
		"strict_mode":                {verdict: Unsupported, text: "its restrictions do not exist", handle: func(r *reader, n *node) { r.inst.Strict = r.flag(n) }},
		"dont_track_primary":         {verdict: Kept, handle: func(r *reader, n *node) { r.inst.DontTrackPrimary = true }},
	}
	for name, k := range garpTable("", func(r *reader) *GARP { return &r.inst.GARP }) {
		instanceTable[name] = k
	}
	addTracking(instanceTable)
	addNotify(instanceTable)
	instanceTable.all(Unsupported, "interfaces of one address with its own MAC do not exist", "use_vmac_addr")
	instanceTable.all(Unsupported, "virtual interfaces are macvlans only", "use_ipvlan")
	instanceTable.all(Unsupported, "there is no signed VRRP; vipd's own nodes always authenticate each other", "auth_hmac")
	instanceTable.all(Unsupported, "this form of checksum, of keepalived before 1.3.7, is not spoken", "old_unicast_checksum")
	instanceTable.all(Unsupported, "load balancing (IPVS) is not vipd's", "lvs_sync_daemon_interface", "lvs_sync_daemon")
	instanceTable.all(Unsupported, "announcements go out on the interfaces that have the addresses", "garp_extra_if", "garp_extra_if_vmac")
	instanceTable.all(Unsupported, "not spoken", "vrf", "timer_expired_backup", "owner_ignore_adverts")
	instanceTable.all(NotNeeded, "the family of the addresses decides", "native_ipv6")
	instanceTable.all(NotNeeded, "vipd always does", "skip_check_adv_addr", "track_src_ip", "unicast_fault_no_peer", "promote_secondaries")
	instanceTable.all(NotNeeded, "", "debug", "linkbeat_use_polling", "kernel_rx_buf_size", "no_virtual_ipaddress")
}

func (r *reader) instance(n *node) {
	in := &Instance{Pos: n.Pos, Name: n.args()[0], at: map[string]int{}, GARP: r.cfg.Globals.GARP,
		DownTimerAdverts: r.cfg.Globals.DownTimerAdverts, LowerPrioNoAdvert: r.cfg.Globals.LowerPrioNoAdvert,
		HigherPrioAdvert: r.cfg.Globals.HigherPrioAdvert, ChecksumAsV2: r.cfg.Globals.ChecksumAsV2,
		CheckUnicast: r.cfg.Globals.CheckUnicastSource, Strict: r.cfg.Globals.Strict, AdvertInt: time.Second}
	for _, other := range r.cfg.Instances {
		if other.Name == in.Name {
			r.refuse(n.Pos, "vrrp_instance %s is defined at line %d already", in.Name, other.Line)
			return
		}
	}
	in.at["vrrp_instance"] = len(r.cfg.Directives) - 1
	r.cfg.Instances = append(r.cfg.Instances, in)
	r.inst, r.track, r.note = in, &in.Track, &in.Notify
	r.inside(n, func() { r.read(n.children, instanceTable) })
	r.finishInstance(in)
	r.inst = nil
}

func (r *reader) state(n *node) {
	switch n.args()[0] {
	case "MASTER":
		r.inst.StateMaster = true
	case "BACKUP":
		r.inst.StateMaster = false
	default:
		r.warn(n.Pos, "state %s is neither MASTER nor BACKUP, taken for BACKUP", n.args()[0])
	}
}

func (r *reader) vrid(n *node) {
	var v int
	if r.count(n, &v, 1, 255); v != 0 {
		r.inst.VRID = uint8(v)
	}
}

func (r *reader) priority(n *node) {
	v, ok := r.number(n, 1, 255)
	if !ok {
		v = defaultPriority
	}
	r.inst.Priority = uint8(v)
}

func (r *reader) version(n *node) {
	if v, ok := r.number(n, 2, 3); ok {
		r.inst.Version = uint8(v)
	}
}

func (r *reader) advertInt(n *node) {
	if d, ok := r.seconds(n, 0.01, 255); ok {
		r.inst.AdvertInt = d
	}
}

func (r *reader) preemptDelay(n *node) {
	if d, ok := r.seconds(n, 0, 1000); ok {
		r.inst.PreemptDelay = d
	}
}

func (r *reader) useVMAC(n *node) {
	r.inst.UseVMAC = true
	if len(n.args()) > 0 {
		r.inst.VMACName = n.args()[0]
	}
	if len(n.args()) > 1 {
		r.amend(Translated, "the protocol's own MAC address is used, not %s", n.args()[1])
	}
}

func (r *reader) peer(n *node) {
	ip, ok := r.address(n, n.words[0])
	if !ok {
		return
	}
	p := Peer{Address: ip}
	for i := 1; i+1 < len(n.words); i += 2 {
		option := &node{Pos: n.Pos, words: n.words[i : i+2]}
		switch n.words[i] {
		case "min_ttl":
			r.count(option, &p.MinTTL, 0, 255)
		case "max_ttl":
			r.count(option, &p.MaxTTL, 0, 255)
		default:
			r.warn(n.Pos, "unknown word %q behind a unicast peer", n.words[i])
		}
	}
	r.inst.UnicastPeers = append(r.inst.UnicastPeers, p)
}

// maxPassword is how much of a password counts.
const maxPassword = 8

func (r *reader) authentication(n *node) {
	r.inside(n, func() {
		r.read(n.children, table{
			"auth_type": {verdict: Kept, args: 1, handle: (*reader).authType},
			"auth_pass": {verdict: Kept, args: 1, handle: (*reader).authPass},
		})
	})
}

func (r *reader) authType(n *node) {
	switch t := n.args()[0]; t {
	case "PASS", "AH":
		r.inst.AuthType = t
	default:
		r.warn(n.Pos, "unknown authentication type %q, ignored", t)
		r.amend(NotNeeded, "keepalived does not know this type and ignores it")
	}
}

func (r *reader) authPass(n *node) {
	pass := n.args()[0]
	if len(pass) > maxPassword {
		r.warn(n.Pos, "only the first %d characters of the password count", maxPassword)
		r.amend(Kept, "only its first %d characters count", maxPassword)
		pass = pass[:maxPassword]
	}
	r.inst.AuthPass = pass
}

// roundInterval is an interval as the version's packets can carry it, rounded as keepalived does.
func roundInterval(version uint8, d time.Duration) time.Duration {
	unit, limit := 10*time.Millisecond, 4095*10*time.Millisecond
	if version == 2 {
		unit, limit = time.Second, 255*time.Second
	}
	n := math.Round(float64(d) / float64(unit))
	return min(max(time.Duration(n)*unit, unit), limit)
}

// family reports whether any address makes the instance an IPv6 one.
func family(in *Instance) (v6, known bool) {
	for _, list := range [][]netip.Addr{firsts(in.Addresses), {in.UnicastSource, in.MulticastSource}, peers(in)} {
		for _, ip := range list {
			if ip.IsValid() {
				return ip.Is6(), true
			}
		}
	}
	return false, false
}

func firsts(list []Address) (out []netip.Addr) {
	for _, a := range list {
		out = append(out, a.Prefix.Addr())
	}
	return out
}

func peers(in *Instance) (out []netip.Addr) {
	for _, p := range in.UnicastPeers {
		out = append(out, p.Address)
	}
	return out
}
