package bonds

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/e2e/harness"
	"vipd/e2e/lab"
)

// patience is for what is only waited for: every instruction in the machine is emulated.
const patience = 90 * time.Second

type scene struct {
	*testing.T
	*harness.Cluster
}

func form(t *testing.T, o harness.Options) *scene {
	t.Helper()
	inside(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	c, err := harness.Create(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{t, c}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s", c.Logs(12<<10))
		}
		if err := c.Close(); err != nil {
			t.Logf("close cluster: %v", err)
		}
	})
	return s
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scene) wait() context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	s.Cleanup(cancel)
	return ctx
}

func (s *scene) await(what string, condition func(context.Context) error) {
	s.Helper()
	s.must(harness.Await(s.wait(), what, condition))
}

// ip runs ip(8) in a namespace.
func ip(ns *lab.Namespace, args string) (string, error) {
	var out []byte
	err := ns.Do(func() (err error) {
		out, err = exec.Command("ip", strings.Fields(args)...).CombinedOutput()
		return err
	})
	if err != nil {
		err = fmt.Errorf("ip %s: %w: %s", args, err, out)
	}
	return string(out), err
}

func ips(ns *lab.Namespace, commands ...string) error {
	for _, args := range commands {
		if _, err := ip(ns, args); err != nil {
			return err
		}
	}
	return nil
}

func (s *scene) ip(ns *lab.Namespace, args string) string {
	s.Helper()
	out, err := ip(ns, args)
	s.must(err)
	return out
}

// bond is what a daemon says of one link.
func (s *scene) bond(n *harness.Node, name string) api.BondStatus {
	s.Helper()
	b, err := bondOf(s.wait(), n, name)
	s.must(err)
	return b
}

func bondOf(ctx context.Context, n *harness.Node, name string) (api.BondStatus, error) {
	list, err := n.Client.Bonds(ctx, api.BondsRequest{Name: name})
	if err != nil {
		return api.BondStatus{}, err
	}
	return list.Bonds[0], nil
}

// becomes waits until a daemon says of a link what is wanted.
func (s *scene) becomes(n *harness.Node, name, what string, wanted func(api.BondStatus) bool) api.BondStatus {
	s.Helper()
	var b api.BondStatus
	s.await(fmt.Sprintf("%s on %s: %s", name, n, what), func(ctx context.Context) (err error) {
		if b, err = bondOf(ctx, n, name); err == nil && !wanted(b) {
			err = fmt.Errorf("it is %+v", b)
		}
		return err
	})
	return b
}

func usable(n int) func(api.BondStatus) bool {
	return func(b api.BondStatus) bool { return b.Usable == n }
}

// forwards waits until the switch uses a port: the kernel tells a bridge of a carrier that came back once a second.
func (s *scene) forwards(ports ...string) {
	s.Helper()
	for _, port := range ports {
		s.await("the switch uses "+port, func(context.Context) error {
			out, err := ip(s.Lab.Switch, "link show "+port)
			if err == nil && !strings.Contains(out, "state UP") {
				err = errors.New(out)
			}
			return err
		})
	}
}

// vipctl runs vipctl against a daemon.
func (s *scene) vipctl(n *harness.Node, args ...string) string {
	s.Helper()
	bin, err := harness.Binaries(s.Context())
	s.must(err)
	out, err := exec.CommandContext(s.wait(), bin+"/vipctl", append([]string{"--socket", n.Socket}, args...)...).CombinedOutput()
	s.must(errors.Join(err, unless(err == nil, string(out))))
	return string(out)
}

func unless(fine bool, text string) error {
	if fine {
		return nil
	}
	return errors.New(text)
}

// says checks that a text has all of some parts.
func (s *scene) says(text string, parts ...string) {
	s.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			s.Errorf("want %q in:\n%s", part, text)
		}
	}
}

// rewrite replaces a part of a node file.
func (s *scene) rewrite(n *harness.Node, old, new string) {
	s.Helper()
	text, err := os.ReadFile(n.NodeFile)
	s.must(err)
	if !strings.Contains(string(text), old) {
		s.Fatalf("no %q in the node file:\n%s", old, text)
	}
	s.must(os.WriteFile(n.NodeFile, []byte(strings.Replace(string(text), old, new, 1)), 0o644))
}

// spread says how long things took.
func spread(times []time.Duration) (median time.Duration, text string) {
	slices.Sort(times)
	median = times[len(times)/2]
	return median, fmt.Sprintf("median %v, worst %v of %d", median.Round(time.Millisecond), times[len(times)-1].Round(time.Millisecond), len(times))
}
