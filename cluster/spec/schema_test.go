package spec

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"vipd/cluster/conf"
)

// bounded has every key that has a bound.
const bounded = `
checks:
- {name: c0, http: {url: "http://h/", status: 200}, interval: 1s, timeout: 1s, rise: 1, fall: 1, init_fail: true, reverse: true}
- {name: c1, process: {name: a, quorum: 1, quorum_max: 70000}}
- {name: c2, interface: eth0}
- {name: c3, ping: {address: 10.0.0.9, interface: eth0, count: 20, answers: 1}}
- {name: c4, arp: {address: 10.0.0.9, interface: eth0}}
- {name: c5, bond: {name: bond0, links: 1}}
- {name: c6, file: /f, weight: 1}
groups:
- name: web
  interface: eth0
  addresses: [{address: 10.0.0.1/24, interface: eth0}]
  priority: 100
  priorities: {n1: 100}
  preempt: true
  preempt_delay: 1s
  link_weight: 1
  on_quorum_loss: release
  together: a
  apart: {set: b}
  nodes: [n1]
  balance: true
  damping: 1m
  checks: [{name: c6, weight: 1}]
  notify: {any: /n, timeout: 1s}
  vrrp: {virtual_router_id: 51, version: 3, advert_int: 1s, priority: 100, virtual_mac: true}
`

// An editor marks exactly what Parse refuses: a bound of the schema is the rule's, on both of its sides.
func TestSchemaHasTheRulesBounds(t *testing.T) {
	Schema().Keys(func(path string, s *conf.Schema) {
		if each, ok := s.Additional.(*conf.Schema); ok && each.Minimum != nil {
			path, s = path+".n1", each
		}
		if s.Minimum != nil {
			accepted(t, path, *s.Minimum, true)
			accepted(t, path, *s.Maximum, true)
			accepted(t, path, *s.Minimum-1, false)
			accepted(t, path, *s.Maximum+1, false)
		}
		for _, one := range s.Enum {
			accepted(t, path, one, true)
			accepted(t, path, fmt.Sprint(one)+"0", false)
		}
		if least, most, ok := strings.Cut(s.Description, " to "); ok {
			accepted(t, path, least, true)
			accepted(t, path, most, true)
			accepted(t, path, "-1ns", false)
			accepted(t, path, "1001h", false)
		}
		if s.Items != nil && s.Items.Pattern != "" {
			path, s = path+"[]", s.Items
		}
		if s.Pattern != "" {
			for _, name := range []string{"a", "eth0.1", "a/b", "a b", strings.Repeat("x", 15), strings.Repeat("x", 16), strings.Repeat("x", 63), strings.Repeat("x", 64)} {
				accepted(t, path, name, regexp.MustCompile(s.Pattern).MatchString(name) && (s.MaxLength == nil || len(name) <= *s.MaxLength))
			}
		}
	})
}

// accepted wants Parse to refuse a value at a key, or not to, whatever it says of other keys.
func accepted(t *testing.T, path string, value any, want bool) {
	t.Helper()
	var document any
	if err := yaml.Unmarshal([]byte(bounded), &document); err != nil {
		t.Fatal(err)
	}
	at, ok := put(document, strings.Split(strings.ReplaceAll(path, "[]", ".[]"), "."), value)
	if !ok {
		t.Fatalf("%s has a bound, and no example here", path)
	}
	text, err := yaml.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse("f", text)
	if refused := err != nil && strings.Contains(err.Error(), ": "+at[1:]+": "); refused == want {
		t.Errorf("%s: %v: %v", at, value, err)
	}
}

// put sets the first value at a path, and returns where that is.
func put(in any, path []string, value any) (at string, ok bool) {
	switch in := in.(type) {
	case []any:
		for i := range in {
			if len(path) == 1 {
				in[i] = value
				return fmt.Sprintf("[%d]", i), true
			}
			if at, ok := put(in[i], path[1:], value); ok {
				return fmt.Sprintf("[%d]%s", i, at), true
			}
		}
	case map[string]any:
		key := path[0]
		if _, there := in[key]; !there {
			return "", false
		}
		if len(path) == 1 {
			in[key] = value
			return "." + key, true
		}
		at, ok := put(in[key], path[1:], value)
		return "." + key + at, ok
	}
	return "", false
}
