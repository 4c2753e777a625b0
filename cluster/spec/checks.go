package spec

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

// checkEntry is the YAML form of a check.
type checkEntry struct {
	Name      string         `yaml:"name"`
	Script    *script        `yaml:"script,omitempty"`
	TCP       string         `yaml:"tcp,omitempty"`
	HTTP      *httpEntry     `yaml:"http,omitempty"`
	Process   *process       `yaml:"process,omitempty"`
	File      string         `yaml:"file,omitempty"`
	Interface string         `yaml:"interface,omitempty"`
	Ping      *ping          `yaml:"ping,omitempty"`
	ARP       *arp           `yaml:"arp,omitempty,flow"`
	Bond      *bond          `yaml:"bond,omitempty"`
	Interval  *conf.Duration `yaml:"interval,omitempty"`
	Timeout   *conf.Duration `yaml:"timeout,omitempty"`
	Rise      *int           `yaml:"rise,omitempty"`
	Fall      *int           `yaml:"fall,omitempty"`
	Weight    *int           `yaml:"weight,omitempty"`
	InitFail  bool           `yaml:"init_fail,omitempty"`
	Reverse   bool           `yaml:"reverse,omitempty"`
}

// script is written as text when it has no arguments.
type script struct {
	Path string   `yaml:"path"`
	Args []string `yaml:"args,omitempty"`
}

// httpEntry is written as text when nothing but the URL is said.
type httpEntry struct {
	URL      string `yaml:"url"`
	Status   *int   `yaml:"status,omitempty"`
	Insecure bool   `yaml:"insecure,omitempty"`
	Follow   bool   `yaml:"follow,omitempty"`
}

// process is written as text when nothing but the name is said.
type process struct {
	Name        string `yaml:"name"`
	FullCommand bool   `yaml:"full_command,omitempty"`
	Quorum      *int   `yaml:"quorum,omitempty"`
	QuorumMax   int    `yaml:"quorum_max,omitempty"`
}

// checkUse is written as text when the check's own weight and direction count.
type checkUse struct {
	Name    string `yaml:"name"`
	Weight  *int   `yaml:"weight,omitempty"`
	Reverse *bool  `yaml:"reverse,omitempty"`
}

func (s *script) ParseScalar(text string) error {
	if strings.ContainsAny(text, " \t") {
		path, rest, _ := strings.Cut(text, " ")
		return conf.Problem{Text: "a script is a path alone, and no shell reads it",
			Remedy: fmt.Sprintf("write `{path: %s, args: [%s]}`", conf.Short(path), conf.Short(strings.Join(strings.Fields(rest), ", ")))}
	}
	s.Path = text
	return nil
}

func (h *httpEntry) ParseScalar(text string) error { h.URL = text; return nil }
func (p *process) ParseScalar(text string) error   { p.Name = text; return nil }
func (u *checkUse) ParseScalar(text string) error  { u.Name = text; return nil }

func (s script) MarshalYAML() (any, error) {
	type fields script
	return shortest(len(s.Args) == 0 && !strings.ContainsAny(s.Path, " \t"), s.Path, fields(s))
}

func (h httpEntry) MarshalYAML() (any, error) {
	type fields httpEntry
	return shortest(h == httpEntry{URL: h.URL}, h.URL, fields(h))
}

func (p process) MarshalYAML() (any, error) {
	type fields process
	return shortest(p == process{Name: p.Name}, p.Name, fields(p))
}

func (u checkUse) MarshalYAML() (any, error) {
	type fields checkUse
	return shortest(u.Weight == nil && u.Reverse == nil, u.Name, fields(u))
}

// shortest writes the text alone where that says all, and else the fields on one line.
func shortest(enough bool, text string, fields any) (any, error) {
	if enough {
		return text, nil
	}
	var n yaml.Node
	if err := n.Encode(fields); err != nil {
		return nil, err
	}
	n.Style = yaml.FlowStyle
	return &n, nil
}

// Defaults of a check, keepalived's.
const (
	defaultInterval   = time.Second
	defaultStatus     = 200
	defaultFileWeight = 1 // the number in the file counts as it is
)

func defaultWeight(c state.Check) int {
	if c.File != "" {
		return defaultFileWeight
	}
	return 0
}

// state fills in the defaults.
func (e checkEntry) state() state.Check {
	c := state.Check{
		Name: e.Name, TCP: e.TCP, File: e.File, Interface: e.Interface, InitFail: e.InitFail, Reverse: e.Reverse,
		Ping: e.Ping.state(), ARP: e.ARP.state(), Bond: e.Bond.state(),
		Interval: time.Duration(orElse(e.Interval, conf.Duration(defaultInterval))), Rise: orElse(e.Rise, 1), Fall: orElse(e.Fall, 1),
	}
	c.Timeout = time.Duration(orElse(e.Timeout, conf.Duration(c.Interval)))
	c.Weight = orElse(e.Weight, defaultWeight(c))
	c.Script = e.Script.state()
	if e.HTTP != nil {
		c.HTTP = &state.HTTPCheck{URL: e.HTTP.URL, Status: orElse(e.HTTP.Status, defaultStatus), Insecure: e.HTTP.Insecure, Follow: e.HTTP.Follow}
	}
	if e.Process != nil {
		c.Process = &state.ProcessCheck{Name: e.Process.Name, FullCommand: e.Process.FullCommand, Quorum: orElse(e.Process.Quorum, 1), QuorumMax: e.Process.QuorumMax}
	}
	return c
}

func orElse[T any](value *T, fallback T) T {
	if value == nil {
		return fallback
	}
	return *value
}

// entryOf leaves out what is a default.
func entryOf(c state.Check) checkEntry {
	e := checkEntry{
		Name: c.Name, TCP: c.TCP, File: c.File, Interface: c.Interface, InitFail: c.InitFail, Reverse: c.Reverse,
		Ping: pingOf(c.Ping), ARP: arpOf(c.ARP), Bond: bondOf(c.Bond),
		Interval: unless(conf.Duration(c.Interval), conf.Duration(defaultInterval)), Timeout: unless(conf.Duration(c.Timeout), conf.Duration(c.Interval)),
		Rise: unless(c.Rise, 1), Fall: unless(c.Fall, 1), Weight: unless(c.Weight, defaultWeight(c)),
	}
	e.Script = writtenScript(c.Script)
	if h := c.HTTP; h != nil {
		e.HTTP = &httpEntry{URL: h.URL, Status: unless(h.Status, defaultStatus), Insecure: h.Insecure, Follow: h.Follow}
	}
	if p := c.Process; p != nil {
		e.Process = &process{Name: p.Name, FullCommand: p.FullCommand, Quorum: unless(p.Quorum, 1), QuorumMax: p.QuorumMax}
	}
	return e
}

func unless[T comparable](value, fallback T) *T {
	if value == fallback {
		return nil
	}
	return &value
}

// usesOf resolves the weights and directions of a group's checks. A check that is not there is refused later.
func usesOf(list []checkUse, checks []state.Check) []state.CheckUse {
	var uses []state.CheckUse
	for _, u := range list {
		own := state.CheckUse{Name: u.Name}
		for _, c := range checks {
			if c.Name == u.Name {
				own.Weight, own.Reverse = c.Weight, c.Reverse
			}
		}
		uses = append(uses, state.CheckUse{Name: u.Name, Weight: orElse(u.Weight, own.Weight), Reverse: orElse(u.Reverse, own.Reverse)})
	}
	return uses
}

// writtenUses leaves out what is the check's own.
func writtenUses(uses []state.CheckUse, checks []state.Check) []checkUse {
	var list []checkUse
	for _, u := range uses {
		own := usesOf([]checkUse{{Name: u.Name}}, checks)[0]
		list = append(list, checkUse{Name: u.Name, Weight: unless(u.Weight, own.Weight), Reverse: unless(u.Reverse, own.Reverse)})
	}
	return list
}
