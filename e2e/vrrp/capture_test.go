package vrrp

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"vipd/e2e/lab"
)

// capture is a tshark that writes down every advert on a host's segment.
type capture struct {
	*scene
	file    string
	process *lab.Process
}

// captureOn begins on a host; it returns nil where there is no tshark.
func (s *scene) captureOn(h *lab.Host) *capture {
	s.Helper()
	program, err := exec.LookPath("tshark")
	if err != nil && os.Getenv("CI") == "true" {
		s.Fatalf("needs tshark: %v", err)
	} else if err != nil {
		s.Logf("without tshark nothing judges the packets: %v", err)
		return nil
	}
	c := &capture{scene: s, file: filepath.Join(h.Dir, "adverts.pcapng")}
	c.process, err = h.Start(lab.Spec{Name: "tshark", Path: program,
		Args: []string{"-q", "-i", "eth0", "-f", "ip proto 112 or ip6 proto 112", "-w", c.file}})
	s.must(err)
	s.await("tshark captures", func(context.Context) error {
		if log := c.process.Log(4 << 10); !strings.Contains(log, "Capturing on") {
			return errors.New(log)
		}
		return nil
	})
	return c
}

// judge has Wireshark's decoder look at all adverts: none malformed, no wrong checksum, no complaint, and some of
// the cluster's.
func (c *capture) judge() {
	if c == nil {
		return
	}
	c.Helper()
	if err := c.process.Terminate(c.wait()); err != nil {
		c.Logf("tshark: %v", err)
	}
	out, err := exec.Command(c.process.Spec.Path, "-n", "-r", c.file, "-o", "ip.check_checksum:TRUE", "-T", "fields", "-E", "separator=|",
		"-e", "vrrp.checksum.status", "-e", "_ws.expert.message", "-e", "vrrp.prio").Output()
	c.must(err)
	packets, cluster := 0, 0
	for line := range strings.Lines(string(out)) {
		packets++
		// Newer versions of tshark print the name of status 1.
		line = strings.Replace(strings.TrimSpace(line), "Good|", "1|", 1)
		if !strings.HasPrefix(line, "1||") {
			c.Errorf("advert %d: checksum|complaint|priority are %s", packets, line)
		}
		if strings.HasSuffix(line, "|100") {
			cluster++
		}
	}
	c.Logf("tshark has nothing to say against %d adverts, %d of them the cluster's", packets, cluster)
	if cluster == 0 {
		c.Errorf("none of %d adverts is the cluster's", packets)
	}
}
