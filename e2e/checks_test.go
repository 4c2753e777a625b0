package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
	"vipd/e2e/lab"
)

// scriptDir is a directory that scripts may run from, with a script in it that fails where there is an interface bad0.
func scriptDir(t *testing.T) string {
	t.Helper()
	lab.Require(t)
	dir, err := os.MkdirTemp("/var/lib", "vipd-e2e-scripts")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	script(t, dir, "well", "! grep -q bad0: /proc/net/dev || { echo bad0 is there; exit 7; }")
	return dir
}

func script(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// every is a check that runs ten times a second and counts at once.
func every(name string, c state.Check) state.Check {
	c.Name, c.Interval, c.Timeout, c.Rise, c.Fall = name, 100*time.Millisecond, time.Second, 1, 1
	return c
}

// checksSay waits until a check is in a state on a node, by another node's word.
func (s *scene) checksSay(check string, n *harness.Node, state string) (said api.CheckResult) {
	s.Helper()
	s.await(fmt.Sprintf("%s is %s on %s", check, state, n), func(ctx context.Context) error {
		list, err := s.Except(n)[0].Client.Checks(ctx)
		if err != nil {
			return err
		}
		for _, c := range list.Checks {
			i := slices.IndexFunc(c.Nodes, func(r api.CheckResult) bool { return r.Node == n.Name })
			if c.Name == check && i >= 0 && c.Nodes[i].State == state {
				said = c.Nodes[i]
				return nil
			}
		}
		return fmt.Errorf("they say %+v", list)
	})
	return said
}

// Groups that are together move together: with a check of one of them, and by an operator's hand.
func TestTogether(t *testing.T) {
	s := form(t, 3)
	first, second, third := s.Nodes[0], s.Nodes[1], s.Nodes[2]
	s.ip(first, "link", "add", "up0", "type", "bridge")
	for _, n := range s.Nodes[1:] {
		s.ip(n, "link", "add", "up0", "type", "bridge")
		s.ip(n, "link", "set", "up0", "up")
	}
	s.ip(first, "link", "set", "up0", "up")
	outside, inside := harness.Group("outside", web4.String()), harness.Group("inside", web6.String())
	outside.Priorities = map[string]int{first.Name: 100, second.Name: 95, third.Name: 90}
	inside.Priorities = map[string]int{first.Name: 100, second.Name: 50, third.Name: 90}
	outside.Together, inside.Together = "front", "front"
	inside.Checks = []state.CheckUse{{Name: "uplink"}}
	_, err := first.Client.Apply(s.wait(), api.ApplyRequest{Groups: []state.Group{outside, inside}, Checks: []state.Check{every("uplink", state.Check{Interface: "up0"})}})
	s.must(err)
	w := s.watch(web4, web6)
	both := func(n *harness.Node) {
		s.Helper()
		w.held("outside", n, web4)
		w.held("inside", n, web6)
	}
	both(first)
	at := time.Now()
	w.step("the uplink of %s is cut", first)
	s.ip(first, "link", "set", "up0", "down")
	both(third) // second is the better one for one of them only
	w.step("outside is moved to %s", second)
	s.move("outside", second)
	both(second)
	w.shorter(web4, at, plannedLimit)
	w.shorter(web6, at, plannedLimit)
}

// A check that fails on the holder moves its group by a planned hand-over, and the group comes back.
func TestChecks(t *testing.T) {
	dir := scriptDir(t)
	s := &scene{t, harness.New(t, harness.Options{Nodes: 3, Config: "script_dirs: [" + dir + "]\n"})}
	s.whole()
	first, second := s.Nodes[0], s.Nodes[1]
	for _, n := range s.Nodes {
		s.ip(n, "link", "add", "up0", "type", "bridge")
		s.ip(n, "link", "set", "up0", "up")
	}
	g := harness.Group("web", web4.String()+"/24", web6.String()+"/64")
	g.Priorities = map[string]int{first.Name: 100, second.Name: 95, s.Nodes[2].Name: 90}
	g.Checks = []state.CheckUse{{Name: "uplink"}, {Name: "well", Weight: -20}}
	g.Damping = new(time.Duration) // it is to come back each time
	checks := []state.Check{
		every("uplink", state.Check{Interface: "up0"}),
		every("well", state.Check{Script: &state.ScriptCheck{Path: dir + "/well"}}),
	}
	_, err := first.Client.Apply(s.wait(), api.ApplyRequest{Groups: []state.Group{g}, Checks: checks})
	s.must(err)
	for name, fault := range map[string]struct {
		check, text, why string
		make, mend       []string
	}{
		"script":    {"well", "exit status 7: bad0 is there", "check well fails: -20", []string{"link", "add", "bad0", "type", "bridge"}, []string{"link", "del", "bad0"}},
		"interface": {"uplink", "its interface up0 is down", "check uplink fails: its interface up0 is down", []string{"link", "set", "up0", "down"}, []string{"link", "set", "up0", "up"}},
	} {
		s.part(name, func(s *scene) {
			w := s.watch(web4, web6)
			w.held("web", first, web4, web6)
			at := time.Now()
			w.step("%s fails on %s", fault.check, first)
			s.ip(first, fault.make...)
			w.held("web", second, web4, web6)
			s.Logf("%s: held by %s %v after the fault", name, second, time.Since(at).Round(time.Millisecond))
			said := s.checksSay(fault.check, first, "failing")
			if said.Text != fault.text {
				s.Errorf("%s says %q, want %q", fault.check, said.Text, fault.text)
			}
			s.must(s.AwaitGroup(s.wait(), "web", "tells why", func(g api.GroupStatus) bool {
				return slices.ContainsFunc(g.Nodes, func(c api.Candidate) bool {
					return c.Node == first.Name && (c.Adjusted == fault.why || c.Why == fault.why)
				}) && strings.Contains(g.Reason, fault.check)
			}))
			w.step("%s is well on %s", fault.check, first)
			s.ip(first, fault.mend...)
			w.held("web", first, web4, web6)
			s.checksSay(fault.check, first, "ok")
			w.shorter(web4, at, plannedLimit)
			w.shorter(web6, at, plannedLimit)
			w.settle()
		})
	}
	s.part("a check that flaps", func(s *scene) {
		g.Damping = nil
		_, err := first.Client.Apply(s.wait(), api.ApplyRequest{Groups: []state.Group{g}, Checks: checks})
		s.must(err)
		w := s.watch(web4)
		for range 5 {
			s.ip(first, "link", "set", "up0", "down")
			w.held("web", second, web4)
			s.ip(first, "link", "set", "up0", "up")
			s.checksSay("uplink", first, "ok")
		}
		s.must(s.AwaitGroup(s.wait(), "web", "stays", func(g api.GroupStatus) bool {
			return g.Holder == second.Name && slices.ContainsFunc(g.Nodes, func(c api.Candidate) bool {
				return c.Node == first.Name && c.Eligible && strings.Contains(c.Damped, "it lost web twice within 1m")
			})
		}))
		w.step("an operator moves web to %s in spite of that", first)
		s.move("web", first)
		w.held("web", first, web4)
		w.settle()
	})
	s.part("a script that cannot run", func(s *scene) {
		s.must(os.Chmod(filepath.Join(dir, "well"), 0o777))
		for _, n := range s.Nodes {
			if said := s.checksSay("well", n, "failing"); !strings.Contains(said.Text, "cannot run it") {
				s.Errorf("%s says %q", n, said.Text)
			}
		}
		s.must(os.Chmod(filepath.Join(dir, "well"), 0o755))
		s.checksSay("well", first, "ok")
	})
}
