package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/cluster/api"
	"vipd/e2e/harness"
)

// roles are what the members are, in a node's view.
func (s *scene) roles(by *harness.Node) map[string]string {
	s.Helper()
	roles := map[string]string{}
	for _, n := range s.status(by).Nodes {
		roles[n.Name] = n.Role
	}
	return roles
}

// Three daemons become a cluster, in which all vote and know the same.
func TestForm(t *testing.T) {
	s := &scene{t, harness.New(t, harness.Options{Nodes: 3, Apart: true})}
	one, two, three := s.Nodes[0], s.Nodes[1], s.Nodes[2]
	t.Log("a daemon that belongs to no cluster says what to do")
	if _, err := two.Client.Token(s.wait()); err == nil || !strings.Contains(err.Error(), "vipctl init") {
		t.Errorf("token on a node without a cluster: %v", err)
	}
	if _, err := two.Client.Join(s.wait(), api.JoinRequest{Token: "nonsense"}); err == nil || !strings.Contains(err.Error(), "vipctl token") {
		t.Errorf("join with nonsense: %v", err)
	}
	t.Log("node1 founds a cluster, twice")
	first, err := one.Client.Init(s.wait(), api.InitRequest{})
	s.must(err)
	again, err := one.Client.Init(s.wait(), api.InitRequest{})
	s.must(err)
	if !again.Already || again.Cluster != first.Cluster {
		t.Errorf("the second init says %+v, the first %+v", again, first)
	}
	t.Log("the others join; one of them by way of the other")
	for _, join := range [][2]*harness.Node{{two, one}, {three, two}} {
		token, err := join[1].Client.TokenFor(s.wait(), api.TokenRequest{Once: join[0] == three})
		s.must(err)
		result, err := join[0].Client.Join(s.wait(), api.JoinRequest{Token: token.Token})
		s.must(err)
		if result.Cluster != first.Cluster || result.Role != "voter" {
			t.Errorf("%s joined %+v", join[0], result)
		}
	}
	s.whole()
	for _, n := range s.Nodes {
		if diff := cmp.Diff(map[string]string{"node1": "voter", "node2": "voter", "node3": "voter"}, s.roles(n)); diff != "" {
			t.Errorf("%s says (-want +got)\n%s", n, diff)
		}
	}
	if _, err := two.Client.Init(s.wait(), api.InitRequest{}); err == nil {
		t.Error("a member founded another cluster")
	}
	s.certify()
}

// Members come and go while addresses are held.
func TestJoinAndLeave(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	w := s.watch(web4, web6)
	holder, at := s.holder("web"), time.Now()
	var added []*harness.Node
	for _, name := range []string{"node4", "node5"} {
		w.step("%s joins", name)
		n, err := s.AddNode(s.wait(), name)
		s.must(err)
		added = append(added, n)
	}
	s.whole()
	s.await("five vote", func(context.Context) error {
		voters := 0
		for _, role := range s.roles(s.leader()) {
			if role == "voter" {
				voters++
			}
		}
		if voters != 5 {
			return fmt.Errorf("%d do", voters)
		}
		return nil
	})
	w.held("web", holder, web4, web6)
	w.shorter(web4, at, undisturbed)

	w.step("the holder %s leaves", holder)
	at = time.Now()
	s.must(holder.Client.Leave(s.wait(), api.LeaveRequest{}))
	if s.carries(holder, web4) || s.carries(holder, web6) {
		t.Errorf("%s has addresses after it left", holder)
	}
	w.taken("web", holder, web4, web6)
	w.shorter(web4, at, plannedLimit)
	if status := s.status(holder); status.Cluster != "" {
		t.Errorf("%s believes to be in cluster %s after it left", holder, status.Cluster)
	}
	if _, there := s.roles(s.leader())[holder.Name]; there {
		t.Errorf("%s is still a member", holder)
	}

	leader := s.leader()
	w.step("the leader %s leaves", leader)
	s.move("web", s.Except(holder, leader)[0])
	at = time.Now()
	s.must(leader.Client.Leave(s.wait(), api.LeaveRequest{}))
	w.taken("web", leader, web4, web6)
	w.shorter(web4, at, undisturbed)

	w.step("%s comes back", holder)
	_, err := s.Join(s.wait(), holder, added[0])
	s.must(err)
	s.move("web", holder)
	w.held("web", holder, web4, web6)
}

// Neither a copy of a data directory nor a new host with a member's name gets an address.
func TestImpostors(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	n := s.Nodes[1]
	s.move("web", n)
	w := s.watch(web4, web6)
	w.held("web", n, web4, web6)
	at := time.Now()

	w.step("a second host by the name of %s asks to join", n)
	double, err := s.AddHost(s.wait(), "double", harness.NodeOptions{Name: n.Name})
	s.must(err)
	token, err := s.Nodes[0].Client.Token(s.wait())
	s.must(err)
	if _, err := double.Client.Join(s.wait(), api.JoinRequest{Token: token.Token}); err == nil {
		t.Error("it was let in")
	} else if !strings.Contains(err.Error(), n.Name) {
		t.Errorf("the refusal does not name it: %v", err)
	}
	s.must(double.Kill())

	w.step("a copy of %s's data directory starts on a third host", n)
	clone, err := s.AddHost(s.wait(), "clone", harness.NodeOptions{Name: n.Name})
	s.must(err)
	s.must(clone.Kill())
	s.must(os.RemoveAll(clone.DataDir))
	if out, err := exec.CommandContext(s.wait(), "cp", "-a", n.DataDir, clone.DataDir).CombinedOutput(); err != nil {
		t.Fatalf("copy: %v: %s", err, out)
	}
	if err := clone.Start(s.wait()); err != nil {
		t.Logf("it does not start: %v", err)
	}
	// Long enough for several leases and elections.
	w.dwell(3 * time.Second)
	for _, fake := range []*harness.Node{double, clone} {
		if s.carries(fake, web4) || s.carries(fake, web6) {
			t.Errorf("%s on %s has addresses", fake, fake.Host)
		}
	}
	if clone.Running() {
		if status := s.status(clone); status.Quorum {
			t.Errorf("the copy has a lease")
		}
		s.must(clone.Kill())
	}
	w.step("the copy is gone")
	w.answered("node2", web4, web6)
	w.shorter(web4, at, failoverLimit)
}

// Nothing acknowledged is lost when all daemons end at once, and addresses come back without anyone's help.
func TestWholeClusterRestarts(t *testing.T) {
	s := form(t, 3)
	groups, addrs := tenGroups()
	s.apply(groups...)
	s.drain(s.Nodes[2], true)
	before, err := s.Nodes[0].Client.Spec(s.wait(), api.SpecRequest{})
	s.must(err)
	roles := s.roles(s.Nodes[0])
	check := func(s *scene) {
		s.Helper()
		for i, n := range s.Nodes {
			s.must(n.Start(s.wait()))
			if i > 0 {
				continue
			}
			if err := n.Client.Leave(s.wait(), api.LeaveRequest{}); err == nil || !strings.Contains(err.Error(), "has not heard yet who is in the cluster") {
				s.Errorf("%s alone, asked to leave, says %v", n, err)
			}
		}
		s.whole()
		for _, n := range s.Nodes {
			after, err := n.Client.Spec(s.wait(), api.SpecRequest{})
			s.must(err)
			if diff := cmp.Diff(before, after, samePrefix); diff != "" {
				s.Errorf("%s: specification (-before +after)\n%s", n, diff)
			}
			if diff := cmp.Diff(roles, s.roles(n)); diff != "" {
				s.Errorf("%s: members (-before +after)\n%s", n, diff)
			}
		}
		w := s.watch(addrs...)
		for _, g := range groups {
			holder := s.holder(g.Name)
			w.held(g.Name, holder, g.IPs()...)
			if holder == s.Nodes[2] {
				s.Errorf("%s holds %s although it is drained", holder, g.Name)
			}
		}
		w.settle()
	}
	s.part("killed", func(s *scene) {
		for _, n := range s.Nodes {
			s.must(n.Kill())
		}
		check(s)
	})
	s.part("stopped cleanly", func(s *scene) {
		for _, n := range s.Nodes {
			s.must(n.Terminate(s.wait()))
		}
		for _, n := range s.Nodes {
			for _, addr := range addrs {
				if s.carries(n, addr) {
					s.Errorf("%s has %s after a clean stop", n, addr)
				}
			}
		}
		check(s)
	})
}

// One of two voters leaves, the leader or the other: what the one that stays holds is not disturbed.
func TestOneOfTwoLeaves(t *testing.T) {
	for _, leads := range []bool{false, true} {
		name := "the follower"
		if leads {
			name = "the leader"
		}
		t.Run(name, func(t *testing.T) {
			s := form(t, 2)
			s.apply(web)
			n := s.follower()
			if leads {
				n = s.leader()
			}
			stays := s.Except(n)[0]
			s.move("web", stays)
			w := s.watch(web4, web6)
			w.held("web", stays, web4, web6)
			at := time.Now()
			w.step("%s leaves, %s holds", n, stays)
			s.must(n.Client.Leave(s.wait(), api.LeaveRequest{}))
			w.dwell(time.Second)
			w.held("web", stays, web4, web6)
			w.shorter(web4, at, undisturbed)
			w.shorter(web6, at, undisturbed)
		})
	}
}

// One of two voters comes back at another address, and its log is behind: the other has to find it there, for it alone can
// lead, and no majority knows the address before.
func TestOneOfTwoMoves(t *testing.T) {
	s := form(t, 2)
	s.apply(web)
	leads, moves := s.leader(), s.follower()
	s.must(moves.Kill())
	if _, err := leads.Client.Apply(s.within(500*time.Millisecond), api.ApplyRequest{}); err == nil {
		t.Fatal("one of two voters committed something")
	}
	s.must(leads.Kill()) // so that neither has a state, or has heard of the other, when it starts
	s.readdress(moves, "10.9.0.77")
	s.must(moves.Start(s.wait()))
	s.must(leads.Start(s.wait()))
	s.whole()
	for _, n := range s.status(leads).Nodes {
		if n.Name == moves.Name && !strings.HasPrefix(n.Address, "10.9.0.77:") {
			t.Errorf("it is at %s", n.Address)
		}
	}
}
