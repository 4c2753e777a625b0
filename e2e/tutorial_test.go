package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
	"vipd/e2e/lab"
)

// serve runs a node's nginx, which says the node's name, as one process.
func (s *scene) serve(n *harness.Node) *lab.Process {
	s.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // not in the PATH of all users
	}
	conf := filepath.Join(n.Host.Dir, "nginx.conf")
	s.must(os.WriteFile(conf, []byte(fmt.Sprintf(`daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log stderr;
events {}
http {
	access_log off;
	server { listen 80; listen [::]:80; location / { return 200 "%[2]s"; } }
}
`, n.Host.Dir, n.Name)), 0o644))
	p, err := n.Host.Start(lab.Spec{Name: "nginx", Path: program, Args: []string{"-e", "stderr", "-c", conf}})
	s.must(err)
	return p
}

// asked is one request of a visitor's.
type asked struct {
	at     time.Time
	answer string // the node that answered
	err    error
}

// visitor asks for a page again and again, as a browser that has no connection yet, and keeps a log.
type visitor struct {
	mu  sync.Mutex
	log []asked
}

// visit asks over an address from the client's host until the test ends.
func (s *scene) visit(addr netip.Addr) *visitor {
	v := &visitor{}
	dial := func(ctx context.Context, network, at string) (conn net.Conn, err error) {
		err = s.Lab.Client.Do(func() error {
			var d net.Dialer
			conn, err = d.DialContext(ctx, network, at)
			return err
		})
		return conn, err
	}
	client := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: 3 * time.Second}
	ctx, stop := context.WithCancel(context.Background())
	var visiting sync.WaitGroup
	visiting.Go(func() {
		each := time.NewTicker(20 * time.Millisecond)
		defer each.Stop()
		for ctx.Err() == nil {
			v.ask(ctx, client, "http://"+netip.AddrPortFrom(addr, 80).String())
			select {
			case <-ctx.Done():
			case <-each.C:
			}
		}
	})
	s.Cleanup(func() {
		stop()
		visiting.Wait()
	})
	return v
}

func (v *visitor) ask(ctx context.Context, client *http.Client, url string) {
	a := asked{at: time.Now()}
	a.answer, a.err = page(ctx, client, url)
	v.mu.Lock()
	defer v.mu.Unlock()
	if ctx.Err() == nil {
		v.log = append(v.log, a)
	}
}

func page(ctx context.Context, client *http.Client, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return string(text), err
}

// since returns the requests from a time on.
func (v *visitor) since(at time.Time) []asked {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, a := range v.log {
		if !a.at.Before(at) {
			return append([]asked{}, v.log[i:]...)
		}
	}
	return nil
}

// sees waits until a node answers, and returns how many requests failed since a time and when the last of those was made.
func (s *scene) sees(v *visitor, n *harness.Node, since time.Time) (failed int, last time.Time) {
	s.Helper()
	s.await("the visitor reads "+n.Name, func(context.Context) error {
		log := v.since(since)
		if len(log) == 0 || log[len(log)-1].err != nil || log[len(log)-1].answer != n.Name {
			return fmt.Errorf("not yet, after %d requests", len(log))
		}
		failed = 0
		for _, a := range log {
			if a.err != nil {
				failed, last = failed+1, a.at
			}
		}
		return nil
	})
	return failed, last
}

// The story of keepalived's tutorial: a web server on each node, a script that looks every 2 s, fall 2, rise 1, weight -20.
// The web server of the holder is killed: its visitors are served by the next node when the script has failed twice; it
// comes back, and so do they. What they see is their own log.
func TestTutorial(t *testing.T) {
	dir := scriptDir(t)
	s := &scene{t, harness.New(t, harness.Options{Nodes: 3, Config: "script_dirs: [" + dir + "]\n"})}
	s.whole()
	first, second := s.Nodes[0], s.Nodes[1]
	s.must(os.WriteFile(filepath.Join(dir, "check-nginx"), []byte("#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/80\n"), 0o755))
	var web *lab.Process
	for _, n := range s.Nodes {
		if p := s.serve(n); n == first {
			web = p
		}
	}
	const interval, fall = 2 * time.Second, 2
	check := state.Check{
		Name: "nginx", Script: &state.ScriptCheck{Path: dir + "/check-nginx"},
		Interval: interval, Timeout: interval, Fall: fall, Rise: 1, Weight: -20,
	}
	g := harness.Group("web", web4.String()+"/24")
	g.Priorities = map[string]int{first.Name: 110, second.Name: 100, s.Nodes[2].Name: 90}
	g.Checks = []state.CheckUse{{Name: "nginx", Weight: -20}}
	_, err := first.Client.Apply(s.wait(), api.ApplyRequest{Groups: []state.Group{g}, Checks: []state.Check{check}})
	s.must(err)
	for _, n := range s.Nodes {
		s.checksSay("nginx", n, "ok")
	}
	v := s.visit(web4)
	s.sees(v, first, time.Time{})

	killed := time.Now()
	s.must(web.Kill())
	failed, last := s.sees(v, second, killed)
	after := last.Sub(killed)
	t.Logf("nginx of %s killed: %d requests failed, the last %v later", first, failed, after.Round(time.Millisecond))
	// All of them fail until the second failure of the script; on a loaded machine the script itself takes a while.
	if failed < 10 || after > fall*interval+failoverLimit {
		t.Errorf("%d requests failed, the last %v after nginx was killed, which a script finds within %v", failed, after, fall*interval)
	}
	s.must(s.AwaitGroup(s.wait(), "web", "tells why", func(g api.GroupStatus) bool {
		return g.Holder == second.Name && strings.Contains(g.Reason, "check nginx fails: -20")
	}))

	back := time.Now()
	s.serve(first)
	failed, _ = s.sees(v, first, back)
	t.Logf("nginx of %s is back: %d of %d requests failed", first, failed, len(v.since(back)))
	// One that is being answered while the address moves is cut off.
	if failed > 1 {
		t.Errorf("%d requests failed while the address went back", failed)
	}
}
