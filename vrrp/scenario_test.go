package vrrp_test

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"vipd/vrrp"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the expected output of testdata/scenarios")

// TestScenarios plays the files of testdata/scenarios. A file is blocks of commands, one a line, followed
// by "----" and what the machine said. Lines that start with # are comments.
//
//	router KEY=VALUE ...       makes a machine
//	TIME start                 (and inherit, stop, stop silent, tick, priority N)
//	TIME advert KEY=VALUE ...  a packet arrives
//
// TIME counts from when the machine was made; "deadline" is the machine's, "deadline-1ns" just before.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := new(player).play(t, string(text))
			if *rewrite {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(text), got); diff != "" && !*rewrite {
				t.Errorf("-rewrite takes the new output (-want +got):\n%s", diff)
			}
		})
	}
}

// player runs the commands of one file.
type player struct {
	m   *vrrp.Machine
	cfg vrrp.Config
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (p *player) play(t *testing.T, text string) string {
	var out, said strings.Builder
	expected := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "----":
			expected = true
			out.WriteString("----\n" + said.String())
			said.Reset()
		case line == "":
			expected = false
			out.WriteString("\n")
		case expected: // old output
		default:
			out.WriteString(line + "\n")
			if !strings.HasPrefix(line, "#") {
				said.WriteString(p.command(t, line))
			}
		}
	}
	return out.String()
}

// command runs one line and returns what the machine said.
func (p *player) command(t *testing.T, line string) string {
	words := strings.Fields(line)
	if words[0] == "router" {
		p.cfg = configOf(t, keys(t, words[1:]))
		m, err := vrrp.NewMachine(p.cfg)
		if err != nil {
			return err.Error() + "\n"
		}
		p.m = m
		return ""
	}
	now := p.time(t, words[0])
	var b strings.Builder
	fmt.Fprintf(&b, "%v", now.Sub(epoch))
	for _, a := range p.m.Step(now, p.event(t, words[1:])) {
		fmt.Fprintf(&b, "  %v\n%s", a, strings.Repeat(" ", len(now.Sub(epoch).String())))
	}
	next := "no timer"
	if d := p.m.Deadline(); !d.IsZero() {
		next = "next " + d.Sub(epoch).String()
	}
	fmt.Fprintf(&b, "  %v, %s\n", p.m.State(), next)
	return b.String()
}

func (p *player) time(t *testing.T, word string) time.Time {
	if rest, ok := strings.CutPrefix(word, "deadline"); ok {
		if rest == "" {
			rest = "0s"
		}
		return p.m.Deadline().Add(duration(t, rest))
	}
	return epoch.Add(duration(t, word))
}

func (p *player) event(t *testing.T, words []string) vrrp.Event {
	switch strings.Join(words, " ") {
	case "start":
		return vrrp.Start{}
	case "inherit":
		return vrrp.Inherit{}
	case "stop":
		return vrrp.Shutdown{}
	case "stop silent":
		return vrrp.Shutdown{Silent: true}
	case "tick":
		return vrrp.Tick{}
	}
	switch words[0] {
	case "priority":
		return vrrp.SetPriority{Priority: number(t, words[1])}
	case "advert":
		return vrrp.Received{Packet: p.packet(t, keys(t, words[1:]))}
	}
	t.Fatalf("unknown command %q", words)
	return nil
}

// packet is an advert as our configuration would send it, but for what the command says.
func (p *player) packet(t *testing.T, kv map[string]string) vrrp.Packet {
	c := p.cfg
	a := vrrp.Advertisement{Version: c.Version, VRID: c.VRID, Priority: 100, Interval: c.Interval, Addresses: c.Addresses, Auth: c.Auth}
	w := vrrp.Wire{Src: ip("192.168.1.2"), Dst: vrrp.Group4, Checksum: c.Checksum}
	ttl := uint8(255)
	for k, v := range kv {
		switch k {
		case "from":
			w.Src = ip(v)
		case "to":
			w.Dst = ip(v)
		case "ttl":
			ttl = number(t, v)
		case "prio":
			a.Priority = number(t, v)
		case "vrid":
			a.VRID = number(t, v)
		case "version":
			a.Version = number(t, v)
		case "interval":
			a.Interval = duration(t, v)
		case "addresses":
			a.Addresses = addresses(v)
		case "pass":
			a.Auth = vrrp.Password(v)
		case "noauth":
			a.Auth = vrrp.Auth{}
		case "checksum":
			w.Checksum = checksumOf(v)
		default:
			t.Fatalf("unknown key %q", k)
		}
	}
	b, err := a.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	return vrrp.Packet{Src: w.Src, Dst: w.Dst, TTL: ttl, Payload: b}
}

func configOf(t *testing.T, kv map[string]string) vrrp.Config {
	c := vrrp.Config{Version: vrrp.V2, VRID: 51, Priority: 100, Interval: time.Second,
		Addresses: ips("192.168.1.100"), Source: ip("192.168.1.1")}
	for k, v := range kv {
		switch k {
		case "version":
			c.Version = number(t, v)
		case "prio":
			c.Priority = number(t, v)
		case "interval":
			c.Interval = duration(t, v)
		case "addresses":
			c.Addresses = addresses(v)
		case "source":
			c.Source = ip(v)
		case "peers":
			c.Peers = addresses(v)
		case "check_peers":
			c.CheckPeers = true
		case "min_ttl":
			c.MinTTL = number(t, v)
		case "pass":
			c.Auth = vrrp.Password(v)
		case "checksum":
			c.Checksum = checksumOf(v)
		case "nopreempt":
			c.NoPreempt = true
		case "preempt_delay":
			c.PreemptDelay = duration(t, v)
		case "down_adverts":
			c.DownAdverts = int(number(t, v))
		case "lower_prio_no_advert":
			c.LowerPrioNoAdvert = true
		case "higher_prio_send_advert":
			c.HigherPrioSendAdvert = true
		default:
			t.Fatalf("unknown key %q", k)
		}
	}
	return c
}

func keys(t *testing.T, words []string) map[string]string {
	kv := map[string]string{}
	for _, w := range words {
		k, v, _ := strings.Cut(w, "=")
		kv[k] = v
	}
	return kv
}

func addresses(list string) (out []netip.Addr) {
	return ips(strings.FieldsFunc(list, func(r rune) bool { return r == ',' })...)
}

func checksumOf(name string) vrrp.Checksum {
	return map[string]vrrp.Checksum{"pseudo": vrrp.PseudoHeader, "message": vrrp.MessageOnly, "either": vrrp.Either}[name]
}

func number(t *testing.T, s string) uint8 {
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		t.Fatal(err)
	}
	return uint8(n)
}

func duration(t *testing.T, s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
