package fence

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const childEnv = "VIPD_FENCE_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(spinEnv) != "" {
		spin()
	}
	if os.Getenv(childEnv) != "" {
		if err := runChild(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// runChild holds the addresses as a daemon does, until the gate is shut under it, and says so.
func runChild() error {
	const lease, renew = 500 * time.Millisecond, 20 * time.Millisecond
	f, err := Open(Options{Instance: "test"})
	if err != nil {
		return err
	}
	if err := errors.Join(f.Raise(after(lease)), f.Hold(vips)); err != nil {
		return err
	}
	fmt.Println("open")
	for tick := time.NewTicker(renew); ; <-tick.C {
		if err := f.Extend(after(lease)); errors.Is(err, ErrShut) {
			fmt.Println("shut")
			io.Copy(io.Discard, os.Stdin)
			return nil
		} else if err != nil && !errors.Is(err, ErrStalled) {
			return err
		}
	}
}

// startChild starts the child on the lab's host and returns it and the lines it prints.
func startChild(tb testing.TB, l *lab) (*exec.Cmd, *bufio.Scanner) {
	tb.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1")
	stdin, err := cmd.StdinPipe()
	check(tb, err)
	stdout, err := cmd.StdoutPipe()
	check(tb, err)
	in(tb, l.host, cmd.Start)
	tb.Cleanup(func() {
		stdin.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	wantLine(tb, lines, "open")
	return cmd, lines
}

func wantLine(tb testing.TB, lines *bufio.Scanner, want string) {
	tb.Helper()
	if !lines.Scan() || lines.Text() != want {
		tb.Fatalf("child says %q, want %q (%v)", lines.Text(), want, lines.Err())
	}
}

func TestStoppedProcess(t *testing.T) {
	l := newLab(t)
	p := l.prober(t)
	child, lines := startChild(t, l)
	wantAnswers(t, p, "running", all(vips...), vips...)
	check(t, child.Process.Signal(syscall.SIGSTOP))
	eventually(t, "gate of a stopped process shuts", func() bool { return len(p.answers(vips...)) == 0 })
	check(t, child.Process.Signal(syscall.SIGCONT))
	wantLine(t, lines, "shut")
	wantAnswers(t, p, "continued", nil, vips...)
}

func TestKilledProcess(t *testing.T) {
	l := newLab(t)
	p := l.prober(t)
	child, _ := startChild(t, l)
	check(t, child.Process.Kill())
	f := l.open(t, Options{})
	wantAnswers(t, p, "taken over", nil, vips...)
	got, err := f.Guarded()
	check(t, err)
	if diff := cmp.Diff(fmt.Sprint(vips), fmt.Sprint(got)); diff != "" {
		t.Errorf("what the killed process left (-want +got):\n%s", diff)
	}
	check(t, f.Raise(after(patience)))
	wantAnswers(t, p, "raised", nil, vips...)
	if err := f.Close(); !errors.Is(err, ErrGuarded) {
		t.Errorf("Close while addresses are guarded: %v, want ErrGuarded", err)
	}
	wantAnswers(t, p, "closed", nil, vips...)

	f = l.open(t, Options{})
	check(t, f.Release(vips))
	check(t, f.Close())
	wantAnswers(t, p, "released and closed", all(vips...), vips...)
	if got := nft(t, l.host, "list ruleset"); strings.Contains(got, "vipd") {
		t.Errorf("Close left:\n%s", got)
	}
}
