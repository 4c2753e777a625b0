package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vipd/cluster/state"
	"vipd/e2e/harness"
)

// told is a line of a node's notify script.
type told struct {
	state, previous string
	serial          uint64
}

// tells returns what a node's notify script was told so far. On a loaded machine a node may be without a lease for a
// moment, which is a FAULT: that, and what it was before and is again, is left out.
func (s *scene) tells(dir string, n *harness.Node) (list []told) {
	s.Helper()
	text, err := os.ReadFile(filepath.Join(dir, n.Name))
	if err != nil && !os.IsNotExist(err) {
		s.Fatal(err)
	}
	var faulty bool
	var before string // a FAULT
	for line := range strings.Lines(string(text)) {
		var t told
		var group, previous string
		if _, err := fmt.Sscan(line, &group, &t.state, &t.serial, &previous); err != nil || group != "web" {
			s.Fatalf("%s was told %q: %v", n, line, err)
		}
		t.previous = strings.Trim(previous, "<>")
		again := faulty
		if again {
			t.previous = before
		}
		if faulty = t.state == "FAULT"; faulty {
			before = t.previous
		} else if !again || t.state != before {
			list = append(list, t)
		}
	}
	return list
}

// wasTold waits until a node's scripts were told these roles, each after the one before it and with no smaller serial.
func (s *scene) wasTold(dir string, n *harness.Node, want ...string) (last told) {
	s.Helper()
	s.await(fmt.Sprintf("%s was told %v", n, want), func(context.Context) error {
		list := s.tells(dir, n)
		var roles []string
		last = told{}
		for _, t := range list {
			if t.serial < last.serial || t.previous != last.state {
				s.Fatalf("%s was told %+v after %+v", n, t, last)
			}
			roles, last = append(roles, t.state), t
		}
		if got := strings.Join(roles, " "); got != strings.Join(want, " ") {
			return fmt.Errorf("it was told %s", got)
		}
		return nil
	})
	return last
}

// A group moves by hand, by a check, and with its holder's death, and back: the scripts of each node are told so in order,
// with growing serials, while a script that takes long holds up nothing but itself; and the group's route is where it is.
func TestNotifyScripts(t *testing.T) {
	dir := scriptDir(t)
	s := &scene{t, harness.New(t, harness.Options{Nodes: 3, Config: "script_dirs: [" + dir + "]\n"})}
	s.whole()
	first, second, third := s.Nodes[0], s.Nodes[1], s.Nodes[2]
	script(t, dir, "notify", `[ "$1 $2 $3" = "INSTANCE $VIPD_GROUP $VIPD_STATE" ] || exit 9
echo "$VIPD_GROUP $VIPD_STATE $VIPD_SERIAL <$VIPD_PREVIOUS>" >> `+dir+`/$VIPD_NODE`)
	script(t, dir, "slow", "sleep 1")
	g := harness.Group("web", web4.String()+"/24")
	g.Preempt = false
	g.Routes = []state.Route{{To: netip.MustParsePrefix("203.0.113.0/24"), Interface: "eth0", Source: web4}}
	g.Priorities = map[string]int{first.Name: 100, second.Name: 95, third.Name: 90}
	g.Notify = &state.Notify{Any: &state.ScriptCheck{Path: dir + "/notify"}, Backup: &state.ScriptCheck{Path: dir + "/slow"}, Timeout: 20 * time.Second}
	s.apply(g)
	w := s.watch(web4)
	routes := func(holder *harness.Node) {
		s.Helper()
		s.await("the route is on "+holder.Name, func(context.Context) error {
			for _, n := range s.Nodes {
				if want := n == holder; n.Running() && want != (s.ip(n, "route", "show", "proto", "118") != "") {
					return fmt.Errorf("it is not so on %s", n)
				}
			}
			return nil
		})
	}
	w.held("web", first, web4)
	s.wasTold(dir, second, "BACKUP")
	s.wasTold(dir, third, "BACKUP")
	s.await("the holder was told", func(context.Context) error {
		if list := s.tells(dir, first); len(list) == 0 || list[len(list)-1].state != "MASTER" {
			return fmt.Errorf("it was told %v", list)
		}
		return nil
	})
	routes(first)
	before := s.tells(dir, first)
	was := before[len(before)-1].serial
	s.must(os.Remove(filepath.Join(dir, first.Name)))

	at := time.Now()
	w.step("web is moved to %s", second)
	s.move("web", second)
	w.held("web", second, web4)
	w.shorter(web4, at, plannedLimit) // the old holder's script sleeps for longer
	routes(second)
	master := s.wasTold(dir, second, "BACKUP", "MASTER")
	s.await("the old holder was told", func(context.Context) error {
		if list := s.tells(dir, first); len(list) != 1 || list[0] != (told{"BACKUP", "MASTER", master.serial}) {
			return fmt.Errorf("it was told %v, and the new one %v", list, master)
		}
		return nil
	})
	if master.serial <= was {
		s.Errorf("the new holder's serial is %d, the old one's %d", master.serial, was)
	}

	w.step("%s is killed", second)
	s.must(second.Kill())
	w.held("web", first, web4)
	routes(first)
	s.await("the survivor was told", func(context.Context) error {
		if list := s.tells(dir, first); len(list) != 2 || list[1].state != "MASTER" || list[1].serial <= master.serial {
			return fmt.Errorf("it was told %v", list)
		}
		return nil
	})

	w.step("%s, which was killed, starts again and finds its route", second)
	if s.ip(second, "route", "show", "proto", "118") == "" {
		s.ip(second, "route", "add", "203.0.113.0/24", "dev", "eth0", "proto", "118") // it went with the address
	}
	s.must(second.Start(s.wait()))
	routes(first)

	s.drain(second, true)
	w.step("%s is stopped", first)
	s.must(first.Terminate(s.wait()))
	w.held("web", third, web4)
	if list := s.tells(dir, first); len(list) != 3 || list[2].state != "STOP" || list[2].previous != "MASTER" {
		s.Errorf("%s, which stopped, was told %v", first, list)
	}
	s.wasTold(dir, third, "BACKUP", "MASTER")
	routes(third)
}
