package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"vipd/e2e/lab"
	"vipd/e2e/probe"
)

func TestMain(m *testing.M) {
	probe.Main()
	os.Exit(m.Run())
}

// remains are the namespaces of this process's labs.
func remains(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(fmt.Sprintf("/run/netns/vipd-%d-*", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// The whole story is told, plainly, with figures, and leaves nothing behind.
func TestStory(t *testing.T) {
	lab.Require(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	if err := run(ctx, &out, false); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		`runs vipd, pid \d+`,
		`node3 joined cluster`,
		`web +node\d .* 10\.9\.0\.50/24`,
		`node\d announces it \(gratuitous ARP\)`,
		`node\d announces it \(unsolicited neighbour advertisement\)`,
		`Never did two nodes answer at once`,
		`cable cut +\d+\.\d ms \(IPv4\) +\d+\.\d ms \(IPv6\)`,
		`leader killed +\d+\.\d ms \(IPv4\) +\d+\.\d ms \(IPv6\)`,
		`planned move +\d+\.\d ms \(IPv4\) +\d+\.\d ms \(IPv6\)\n$`,
	} {
		if !regexp.MustCompile(want).Match(out.Bytes()) {
			t.Errorf("nothing like %s", want)
		}
	}
	if strings.ContainsRune(out.String(), '\x1b') {
		t.Error("colours although it is no terminal")
	}
	if left := remains(t); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

// interrupter presses Ctrl-C when something is printed.
type interrupter struct {
	at    string
	press context.CancelFunc
	once  sync.Once
}

func (i *interrupter) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(i.at)) {
		i.once.Do(i.press)
	}
	return len(p), nil
}

// Ctrl-C at any time leaves nothing behind.
func TestInterrupted(t *testing.T) {
	lab.Require(t)
	for _, at := range []string{"Three nodes", "vipctl init", "is cut at the switch", "killed with -9"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err := run(ctx, &interrupter{at: at, press: cancel}, false)
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted at %q: %v", at, err)
		}
		if left := remains(t); len(left) > 0 {
			t.Errorf("interrupted at %q it left behind %q", at, left)
		}
	}
}
