package keepalived

import (
	"strings"
	"time"
)

// defaultGARPDelay is keepalived's pause before the second round of gratuitous ARPs.
const defaultGARPDelay = 5 * time.Second

var globalTable table

func init() {
	globalTable = table{
		"router_id":                    {verdict: NotNeeded, text: "a name for mail; vipd uses the node's name", args: 1, handle: (*reader).routerID},
		"vrrp_version":                 {verdict: Translated, text: "the version of each group", args: 1, handle: (*reader).globalVersion},
		"vrrp_mcast_group4":            {verdict: Translated, text: "the multicast group of each group", args: 1, handle: (*reader).group4},
		"vrrp_mcast_group6":            {verdict: Translated, text: "the multicast group of each group", args: 1, handle: (*reader).group6},
		"script_user":                  {verdict: Translated, text: "the user of each check", args: 1, handle: (*reader).scriptUser},
		"enable_script_security":       {verdict: NotNeeded, text: "vipd always demands it", handle: func(r *reader, n *node) { r.cfg.Globals.ScriptSecurity = r.flag(n) }},
		"script_security":              {verdict: NotNeeded, text: "vipd always demands it"},
		"vrrp_strict":                  {verdict: Unsupported, text: "its restrictions do not exist; it also makes keepalived drop packets to the addresses", handle: func(r *reader, n *node) { r.cfg.Globals.Strict = r.flag(n) }},
		"vrrp_startup_delay":           {verdict: Unsupported, text: "a node is eligible when its interface and checks are", args: 1, handle: (*reader).startupDelay},
		"vrrp_garp_interval":           {verdict: Translated, text: "pause between announcements", args: 1, handle: func(r *reader, n *node) { r.interval(n, &r.cfg.Globals.GARPInterval) }},
		"vrrp_gna_interval":            {verdict: Translated, text: "pause between announcements", args: 1, handle: func(r *reader, n *node) { r.interval(n, &r.cfg.Globals.GNAInterval) }},
		"vrrp_lower_prio_no_advert":    {verdict: Kept, handle: func(r *reader, n *node) { r.cfg.Globals.LowerPrioNoAdvert = r.flag(n) }},
		"vrrp_higher_prio_send_advert": {verdict: Kept, handle: func(r *reader, n *node) { r.cfg.Globals.HigherPrioAdvert = r.flag(n) }},
		"v3_checksum_as_v2":            {verdict: Translated, text: "the form of the checksum", handle: func(r *reader, n *node) { r.cfg.Globals.ChecksumAsV2 = r.flag(n) }},
		"vrrp_check_unicast_src":       {verdict: Kept, handle: func(r *reader, n *node) { r.cfg.Globals.CheckUnicastSource = r.flag(n) }},
		"vrrp_down_timer_adverts":      {verdict: Kept, args: 1, handle: func(r *reader, n *node) { r.count(n, &r.cfg.Globals.DownTimerAdverts, 1, 100) }},
		"vrrp_min_garp":                {verdict: Translated, text: "one announcement, no second round", handle: (*reader).minGARP},
		"default_interface":            {verdict: NotNeeded, text: staticText, args: 1, handle: func(r *reader, n *node) { r.cfg.Globals.DefaultInterface = n.args()[0] }},
		"vrrp_notify_fifo":             {verdict: Unsupported, text: fifoText, args: 1, handle: (*reader).fifo},
		"notify_fifo":                  {verdict: Unsupported, text: fifoText, args: 1, handle: (*reader).fifo},
		"net_namespace":                {verdict: Unsupported, text: "run the daemon inside the namespace instead", args: 1, handle: (*reader).netNamespace},
	}
	for name, k := range garpTable("vrrp_", func(r *reader) *GARP { return &r.cfg.Globals.GARP }) {
		globalTable[name] = k
	}
	globalTable.all(Unsupported, fifoText, "vrrp_notify_fifo_script", "notify_fifo_script", "vrrp_notify_priority_changes", "fifo_write_vrrp_states_on_reload")
	globalTable.all(Unsupported, "there is no mail; use a notify script or watch the events", "notification_email", "notification_email_from",
		"smtp_server", "smtp_helo_name", "smtp_connect_timeout", "smtp_alert", "smtp_alert_vrrp", "smtp_alert_checker", "no_email_faults", "no_checker_emails")
	globalTable.all(Unsupported, "there is no SNMP or D-Bus; there are metrics and an API", "snmp_socket", "enable_snmp_vrrp", "enable_snmp_keepalived",
		"enable_snmp_checker", "enable_snmp_rfc", "enable_snmp_rfcv2", "enable_snmp_rfcv3", "enable_traps", "enable_dbus", "dbus_service_name")
	globalTable.all(Unsupported, "load balancing (IPVS) is not vipd's", "lvs_sync_daemon", "lvs_timeouts", "lvs_flush", "lvs_flush_on_stop",
		"lvs_flush_onstop", "lvs_notify_fifo", "lvs_notify_fifo_script", "checker_log_all_failures", "rs_init_notifies",
		"nftables_ipvs", "nftables_ipvs_priority", "nftables_ipvs_start_fwmark")
	globalTable.all(NotNeeded, "vipd's fence has its own table and needs no setting", "nftables", "nftables_priority", "nftables_counters",
		"nftables_ifindex", "vrrp_iptables", "vrrp_ipsets", "disable_local_igmp")
	globalTable.all(Unsupported, "announcements go out on the interfaces that have the addresses", "vrrp_garp_extra_if")
	globalTable.all(Unsupported, "there is no such hook; let systemd run it", "startup_script", "startup_script_timeout", "shutdown_script", "shutdown_script_timeout")
	globalTable.all(NotNeeded, "vipd always does", "vrrp_skip_check_adv_addr", "dynamic_interfaces", "log_unknown_vrids")
	globalTable.all(NotNeeded, "about keepalived's own processes and files", "process_names", "process_name", "vrrp_process_name", "checker_process_name",
		"bfd_process_name", "tmp_config_directory", "config_save_dir", "reload_check_config", "reload_time_file", "reload_repeat", "reload_file",
		"include_check", "data_use_instance", "state_dump_file", "stats_dump_file", "json_dump_file", "json_version", "umask", "random_seed",
		"max_auto_priority", "min_auto_priority_delay", "vrrp_priority", "checker_priority", "bfd_priority", "vrrp_no_swap", "checker_no_swap",
		"bfd_no_swap", "vrrp_cpu_affinity", "checker_cpu_affinity", "bfd_cpu_affinity", "vrrp_rt_priority", "checker_rt_priority", "bfd_rt_priority",
		"vrrp_rlimit_rttime", "checker_rlimit_rttime", "bfd_rlimit_rttime", "vrrp_rlimit_rtime", "vrrp_netlink_cmd_rcv_bufs",
		"vrrp_netlink_cmd_rcv_bufs_force", "vrrp_netlink_monitor_rcv_bufs", "vrrp_netlink_monitor_rcv_bufs_force", "lvs_netlink_cmd_rcv_bufs",
		"lvs_netlink_cmd_rcv_bufs_force", "lvs_netlink_monitor_rcv_bufs", "lvs_netlink_monitor_rcv_bufs_force", "process_monitor_rcv_bufs",
		"process_monitor_rcv_bufs_force", "vrrp_rx_bufs_policy", "vrrp_rx_bufs_multiplier", "vmac_prefix", "vmac_addr_prefix", "linkbeat_use_polling",
		"use_symlink_paths", "vrrp_delay_after_boot", "namespace_with_ipsets", "instance", "use_pid_dir", "child_wait_time")
}

const fifoText = "there is no FIFO; the API streams the events in order"

func (r *reader) globals(n *node) {
	r.inside(n, func() { r.read(n.children, globalTable) })
}

// finishGlobals fills in what follows from other settings.
func (r *reader) finishGlobals() {
	r.cfg.Globals.GARP.finish()
}

func (r *reader) routerID(n *node)     { r.cfg.Globals.RouterID = n.args()[0] }
func (r *reader) scriptUser(n *node)   { r.cfg.Globals.ScriptUser = strings.Join(n.args(), " ") }
func (r *reader) fifo(n *node)         { r.cfg.Globals.NotifyFIFO = n.args()[0] }
func (r *reader) netNamespace(n *node) { r.cfg.Globals.NetNamespace = n.args()[0] }

func (r *reader) globalVersion(n *node) {
	if v, ok := r.number(n, 2, 3); ok {
		r.cfg.Globals.Version = uint8(v)
	}
}

func (r *reader) group4(n *node) {
	if ip, ok := r.address(n, n.args()[0]); ok {
		r.cfg.Globals.Group4 = ip
	}
}

func (r *reader) group6(n *node) {
	if ip, ok := r.address(n, n.args()[0]); ok {
		r.cfg.Globals.Group6 = ip
	}
}

func (r *reader) startupDelay(n *node) {
	if d, ok := r.seconds(n, 0, 86400); ok {
		r.cfg.Globals.StartupDelay = d
	}
}

// interval reads a pause between announcements. An explicit 0 is the default, which keepalived calls
// invalid and which occurs all the same.
func (r *reader) interval(n *node, to *time.Duration) {
	if n.args()[0] == "0" {
		r.amend(NotNeeded, "0 is the default")
		return
	}
	if d, ok := r.seconds(n, 0.000001, 4294.967295); ok {
		*to = d
	}
}

func (r *reader) minGARP(n *node) {
	if r.flag(n) {
		r.cfg.Globals.GARP = GARP{MasterRepeat: 1, MasterRefreshRepeat: 1}
	}
}

// count reads a number into an int.
func (r *reader) count(n *node, to *int, low, high int) {
	if v, ok := r.number(n, low, high); ok {
		*to = v
	}
}
