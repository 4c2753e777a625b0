package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vipd/cluster/api"
)

var update = flag.Bool("update", false, "rewrite testdata with what vipctl prints now")

// serve runs a real server of the API over the daemon and returns its socket.
func serve(t *testing.T, d *daemon) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "vipd.sock")
	serveAt(t, socket, d)
	return socket
}

// serveAt does so at a socket of the caller's, until stop or the end of the test.
func serveAt(t *testing.T, socket string, d *daemon) (stop func()) {
	t.Helper()
	listener, err := api.Listen(socket, api.Access{})
	if err != nil {
		t.Error(err)
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- api.Serve(ctx, listener, d, api.Access{}) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// invocation is one run of vipctl and what came of it.
type invocation struct {
	stdout, stderr bytes.Buffer
	code           int
}

func vipctl(ctx context.Context, stdin string, args ...string) *invocation {
	var i invocation
	i.code = run(ctx, args, strings.NewReader(stdin), &i.stdout, &i.stderr)
	return &i
}

// transcript is what a user sees, what the exit code is, and what the daemon was asked.
func transcript(args []string, i *invocation, d *daemon) string {
	var b strings.Builder
	fmt.Fprintf(&b, "$ vipctl %s\n%s", strings.Join(args, " "), i.stdout.String())
	for line := range strings.Lines(i.stderr.String()) {
		fmt.Fprintf(&b, "2> %s", line)
	}
	fmt.Fprintf(&b, "exit %d\n", i.code)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, call := range d.calls {
		fmt.Fprintln(&b, "asked:", call)
	}
	return b.String()
}

// golden compares text with a file in testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "_")+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
