package keepalived

// keyword says how a directive is understood inside one kind of block.
type keyword struct {
	verdict Verdict
	text    string
	args    int // how many it must have
	// handle interprets the directive; nil when the verdict says everything, and a block's content with it.
	handle func(*reader, *node)
	// block says that handle reads a block; without it a handled directive must not have one.
	block bool
	// lines makes each line of the block a directive of its own, read by handle of this keyword.
	lines *keyword
}

// table is the keywords of a kind of block.
type table map[string]keyword

// all adds keywords that need no handler, for one reason.
func (t table) all(v Verdict, text string, names ...string) table {
	for _, name := range names {
		t[name] = keyword{verdict: v, text: text}
	}
	return t
}

// top is what may stand outside every block.
var top table

func init() {
	top = table{
		"global_defs":        {verdict: Translated, block: true, handle: (*reader).globals},
		"vrrp_instance":      {verdict: Translated, text: "becomes a group with a vrrp section", args: 1, block: true, handle: (*reader).instance},
		"vrrp_sync_group":    {verdict: Translated, text: "its groups move together", args: 1, block: true, handle: (*reader).syncGroup},
		"vrrp_script":        {verdict: Translated, text: "becomes a check", args: 1, block: true, handle: (*reader).script},
		"vrrp_track_process": {verdict: Translated, text: "becomes a check", args: 1, block: true, handle: (*reader).trackProcess},
		"track_process":      {verdict: Translated, text: "becomes a check", args: 1, block: true, handle: (*reader).trackProcess},
		"vrrp_track_file":    {verdict: Translated, text: "becomes a check", args: 1, block: true, handle: (*reader).trackFile},
		"track_file":         {verdict: Translated, text: "becomes a check", args: 1, block: true, handle: (*reader).trackFile},
		"bfd_instance":       {verdict: Unsupported, text: "there is no BFD; the lease notices a dead node", args: 1, block: true, handle: (*reader).bfd},
		"static_ipaddress":   {verdict: NotNeeded, text: staticText, lines: &keyword{verdict: Unsupported, text: staticText, handle: (*reader).staticAddress}},
		"static_routes":      {verdict: NotNeeded, text: staticText, lines: &keyword{verdict: Unsupported, text: staticText, handle: (*reader).staticRoute}},
		"static_rules":       {verdict: NotNeeded, text: staticText, lines: &keyword{verdict: Unsupported, text: staticText, handle: (*reader).staticRule}},
		"net_namespace":      {verdict: Unsupported, text: "run the daemon inside the namespace instead", args: 1, handle: (*reader).netNamespace},
		"include_check":      {verdict: NotNeeded},
	}
	top.all(Unsupported, "load balancing (IPVS) is not vipd's; keep keepalived's checkers or another balancer for it",
		"virtual_server", "virtual_server_group", "SSL")
	top.all(Unsupported, "interfaces are watched through netlink only", "linkbeat_interfaces", "linkbeat_use_polling", "interface_up_down_delays")
	top.all(Unsupported, "announcements are not spaced per interface", "garp_group")
	top.all(Unsupported, staticText, "track_group")
	top.all(NotNeeded, "about keepalived's own processes and files", "instance", "use_pid_dir", "child_wait_time", "net_namespace_ipvs",
		"namespace_with_ipsets")
}

const staticText = "addresses, routes and rules that do not move belong into the network configuration"
