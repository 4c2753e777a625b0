package keepalived

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// number reads a whole number of a range. Otherwise it warns and the default stays, as in keepalived.
func (r *reader) number(n *node, low, high int) (int, bool) {
	v, err := strconv.Atoi(n.args()[0])
	if err != nil || v < low || v > high {
		r.warn(n.Pos, "%s: not a number from %d to %d, ignored", n.text(), low, high)
		r.amend(NotNeeded, "not a number from %d to %d; keepalived ignores it too", low, high)
		return 0, false
	}
	return v, true
}

// seconds reads a time in seconds with fractions.
func (r *reader) seconds(n *node, low, high float64) (time.Duration, bool) {
	v, err := strconv.ParseFloat(n.args()[0], 64)
	if err != nil || !(v >= low && v <= high) {
		r.warn(n.Pos, "%s: not a time from %g to %g seconds, ignored", n.text(), low, high)
		r.amend(NotNeeded, "not a time from %g to %g seconds; keepalived ignores it too", low, high)
		return 0, false
	}
	return time.Duration(v*1e6+0.5) * time.Microsecond, true
}

// flag reads a switch; without a parameter it is on.
func (r *reader) flag(n *node) bool {
	if len(n.args()) == 0 {
		return true
	}
	switch strings.ToLower(n.args()[0]) {
	case "on", "true", "yes":
		return true
	case "off", "false", "no":
		return false
	}
	r.warn(n.Pos, "%s: neither on nor off, ignored", n.text())
	return false
}

// address reads an address. A mask behind it is tolerated, as keepalived does for unicast_src_ip.
func (r *reader) address(n *node, s string) (netip.Addr, bool) {
	bare, mask, masked := strings.Cut(s, "/")
	ip, err := netip.ParseAddr(bare)
	if err != nil {
		r.refuse(n.Pos, "%s: %q is not an address", n.text(), s)
		return netip.Addr{}, false
	}
	if masked {
		r.amend(Kept, "the mask /%s means nothing here", mask)
	}
	return ip, true
}

// command splits what a directive runs into words. One quoted string is a whole command, in which single
// quotes join; several words are the command and its arguments.
func command(args []string) []string {
	if len(args) != 1 {
		return args
	}
	var out []string
	var cur strings.Builder
	quoted, open := false, false
	for _, c := range args[0] {
		switch {
		case c == '\'':
			quoted, open = !quoted, true
		case c == ' ' && !quoted || c == '\t' && !quoted:
			if open {
				out = append(out, cur.String())
			}
			cur.Reset()
			open = false
		default:
			cur.WriteRune(c)
			open = true
		}
	}
	if open {
		out = append(out, cur.String())
	}
	return out
}

// notifyCommand is the command of a notify directive, whose further words are a user and a group.
func notifyCommand(args []string) []string { return command(args[:1]) }
