package spec

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

// Bounds on checks. All nodes report on all checks that they run in one datagram.
const (
	maxChecks   = 128
	minInterval = 100 * time.Millisecond
	maxInterval = time.Hour
	minTimeout  = 10 * time.Millisecond
	maxInARow   = 1000
	maxArgs     = 64
	maxQuorum   = 65535
	minStatus   = 100 // RFC 9110 section 15
	maxStatus   = 599
)

// check applies the rules of one check.
func (c *checker) check(path string, check *state.Check) {
	first, again := c.checkNames[check.Name]
	switch {
	case check.Name == "":
		c.doc.Add(path+".name", "the check has no name", "add `name: haproxy`")
	case !groupName.MatchString(check.Name):
		c.doc.Add(path+".name", fmt.Sprintf("%q is not a check name", conf.Short(check.Name)), "use at most 63 letters, digits, `_`, `.` and `-`, with a letter or digit first")
	case again:
		c.doc.Add(path+".name", fmt.Sprintf("check %s is also %s", check.Name, c.doc.Where(first)), "give one of them another name")
	default:
		c.checkNames[check.Name], c.known[check.Name] = path+".name", check
	}
	c.kind(path, check)
	c.bounded(path+".interval", check.Interval, minInterval, maxInterval)
	if check.Interval >= minInterval && check.Interval <= maxInterval {
		c.bounded(path+".timeout", check.Timeout, minTimeout, maxInterval)
	}
	c.inARow(path+".rise", check.Rise)
	c.inARow(path+".fall", check.Fall)
	c.weight(path+".weight", check.Weight, check.WeightLimit())
}

func (c *checker) bounded(key string, d, least, most time.Duration) {
	if d < least || d > most {
		c.doc.Add(key, fmt.Sprintf("%v is out of range", conf.Duration(d)), fmt.Sprintf("use %v to %v", conf.Duration(least), conf.Duration(most)))
	}
}

func (c *checker) inARow(key string, n int) {
	if n < 1 || n > maxInARow {
		c.doc.Add(key, fmt.Sprintf("%d is out of range", n), fmt.Sprintf("use 1 to %d, the results in a row that it takes", maxInARow))
	}
}

func (c *checker) weight(key string, weight, limit int) {
	if weight < -limit || weight > limit {
		c.doc.Add(key, fmt.Sprintf("%d is out of range", weight), fmt.Sprintf("use %d to %d; with 0 a node on which the check fails cannot hold the group", -limit, limit))
	}
}

// kind wants exactly one, and looks at it.
func (c *checker) kind(path string, check *state.Check) {
	kinds := kindsOf(check)
	switch len(kinds) {
	case 0:
		c.doc.Add(path, "the check does not say what to look at", fmt.Sprintf("add one of `%s` and `%s`", strings.Join(kindNames[:len(kindNames)-1], "`, `"), kindNames[len(kindNames)-1]))
		return
	case 1:
	default:
		c.doc.Add(path+"."+kinds[1], fmt.Sprintf("the check has both `%s` and `%s`", kinds[0], kinds[1]), "make two checks of it")
		return
	}
	key := path + "." + kinds[0]
	switch {
	case check.Script != nil:
		c.script(key, check.Script)
	case check.TCP != "":
		c.tcp(key, check.TCP)
	case check.HTTP != nil:
		c.http(key, check.HTTP)
	case check.Process != nil:
		c.process(key, check.Process)
	case check.File != "":
		c.path(key, check.File, "/run/vipd/maintenance")
	case check.Ping != nil:
		c.ping(key, check.Ping)
	case check.ARP != nil:
		c.arp(key, check.ARP)
	case check.Bond != nil:
		c.bond(key, check.Bond)
	default:
		c.addError(key, conf.CheckInterface(check.Interface))
	}
}

// kindNames are the keys of which a check has one.
var kindNames = []string{"script", "tcp", "http", "process", "file", "interface", "ping", "arp", "bond"}

func kindsOf(c *state.Check) []string {
	there := map[string]bool{
		"script": c.Script != nil, "tcp": c.TCP != "", "http": c.HTTP != nil, "process": c.Process != nil, "file": c.File != "",
		"interface": c.Interface != "", "ping": c.Ping != nil, "arp": c.ARP != nil, "bond": c.Bond != nil,
	}
	var kinds []string
	for _, name := range kindNames {
		if there[name] {
			kinds = append(kinds, name)
		}
	}
	return kinds
}

func (c *checker) path(key, path, example string) {
	switch {
	case !filepath.IsAbs(path) || strings.ContainsRune(path, 0):
		c.doc.Add(key, fmt.Sprintf("%q is not an absolute path", conf.Short(path)), "write it from the root, as "+example)
	case filepath.Clean(path) != path:
		c.doc.Add(key, fmt.Sprintf("%s is a roundabout path", conf.Short(path)), "write it as "+conf.Short(filepath.Clean(path)))
	}
}

func (c *checker) script(key string, s *state.ScriptCheck) {
	c.path(key, s.Path, "/etc/vipd/scripts/check-haproxy")
	if len(s.Args) > maxArgs {
		c.doc.Add(key+".args", fmt.Sprintf("there are %d", len(s.Args)), fmt.Sprintf("use at most %d", maxArgs))
	}
	if slices.ContainsFunc(s.Args, func(a string) bool { return strings.ContainsRune(a, 0) }) {
		c.doc.Add(key+".args", "an argument contains a zero byte", "remove it")
	}
}

func (c *checker) tcp(key, at string) {
	host, port, err := net.SplitHostPort(at)
	n, convErr := strconv.Atoi(port)
	switch {
	case err != nil || host == "":
		c.doc.Add(key, fmt.Sprintf("%q is not a host and a port", conf.Short(at)), "write it as 127.0.0.1:443 or \"[::1]:443\"")
	case convErr != nil || n < 1 || n > 65535:
		c.doc.Add(key, fmt.Sprintf("%q is not a port", conf.Short(port)), "use 1 to 65535")
	}
}

func (c *checker) http(key string, h *state.HTTPCheck) {
	u, err := url.Parse(h.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		c.doc.Add(key, fmt.Sprintf("%q is not a URL of HTTP", conf.Short(h.URL)), "write it as http://127.0.0.1:8080/health")
	case u.User != nil:
		c.doc.Add(key, "the URL has a password, which every node and log would see", "let the service answer the check without one")
	case h.Insecure && u.Scheme != "https":
		c.doc.Add(key+".insecure", "it is about https", "remove it")
	}
	if h.Status < minStatus || h.Status > maxStatus {
		c.doc.Add(key+".status", fmt.Sprintf("%d is no status of HTTP", h.Status), fmt.Sprintf("use %d to %d", minStatus, maxStatus))
	}
}

func (c *checker) process(key string, p *state.ProcessCheck) {
	switch {
	case p.Name == "" || strings.ContainsRune(p.Name, 0):
		c.doc.Add(key, "it names no process", "write its name, as in `process: haproxy`")
	case !p.FullCommand && strings.ContainsAny(p.Name, "/ "):
		c.doc.Add(key, fmt.Sprintf("%q is more than a process's name", conf.Short(p.Name)), "write the name alone, or the whole command line with `full_command: true`")
	}
	if p.Quorum < 0 || p.Quorum > maxQuorum {
		c.doc.Add(key+".quorum", fmt.Sprintf("%d is out of range", p.Quorum), fmt.Sprintf("use 0 to %d", maxQuorum))
	}
	if p.QuorumMax < 0 || p.QuorumMax != 0 && p.QuorumMax < p.Quorum {
		c.doc.Add(key+".quorum_max", fmt.Sprintf("%d is less than the quorum", p.QuorumMax), "use no less than `quorum`, or leave it out for no limit")
	}
	if p.Quorum == 0 && p.QuorumMax == 0 {
		c.doc.Add(key+".quorum", "with 0 the check never fails", "use 1 or more")
	}
}

// uses applies the rules of a group's checks.
func (c *checker) uses(path string, g *state.Group) {
	for i, u := range g.Checks {
		key := fmt.Sprintf("%s.checks[%d]", path, i)
		same := func(o state.CheckUse) bool { return o.Name == u.Name }
		switch _, there := c.checkNames[u.Name]; {
		case u.Name == "":
			c.doc.Add(key, "it names no check", "write the name of one of `checks:`")
		case !there:
			c.doc.Add(key, fmt.Sprintf("there is no check %s", quoted(u.Name)), "define it under `checks:` at the top"+c.meant(u.Name))
		case slices.ContainsFunc(g.Checks[:i], same):
			c.doc.Add(key, fmt.Sprintf("%s is there twice", u.Name), "remove one of them")
		case u.Weight != c.known[u.Name].Weight: // the check's own was looked at
			c.weight(key+".weight", u.Weight, c.known[u.Name].WeightLimit())
		}
	}
}

// meant names the check that a wrong name differs from in case only.
func (c *checker) meant(name string) string {
	for known := range c.checkNames {
		if strings.EqualFold(known, name) {
			return fmt.Sprintf("; did you mean `%s`?", known)
		}
	}
	return ""
}
