package storage

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

const withdrawIn = "VIPD_TEST_WITHDRAW_IN"

func TestMain(m *testing.M) {
	if path := os.Getenv(withdrawIn); path != "" {
		fmt.Fprintln(os.Stderr, withdrawForever(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// withdrawForever prints each epoch once it is withdrawn.
func withdrawForever(path string) error {
	d, err := Open(path)
	if err != nil {
		return err
	}
	v, err := d.Votes()
	if err != nil {
		return err
	}
	for epoch := v.Withdrawn()["a"] + 1; ; epoch++ {
		if err := v.Withdraw("a", epoch); err != nil {
			return err
		}
		fmt.Println(epoch)
	}
}

// A process is killed while it withdraws, again and again: nothing that it printed is forgotten, and
// its successor gets the directory at once.
func TestKilledWhileWithdrawing(t *testing.T) {
	path := t.TempDir()
	for run := range 12 {
		acknowledged := killAfter(t, path, 1+run*71) // some of them while the file is replaced
		d := open(t, path)
		v := openVotes(t, d)
		if got := v.Withdrawn()["a"]; got < acknowledged || got > acknowledged+1 {
			t.Fatalf("run %d: epoch %d was acknowledged, %d is remembered", run, acknowledged, got)
		}
		check(t, v.Close())
		check(t, d.Close())
	}
}

// killAfter kills a withdrawing process after so many withdrawals and returns the last it printed.
func killAfter(t *testing.T, path string, withdrawals int) (last uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), withdrawIn+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for n := 1; lines.Scan(); n++ {
		if last, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
			t.Fatalf("unexpected output: %v", err)
		}
		if n == withdrawals {
			check(t, cmd.Process.Kill())
		}
	}
	if err := cmd.Wait(); cmd.ProcessState.Exited() {
		t.Fatalf("the process ended by itself: %v", err)
	}
	return last
}

func BenchmarkWithdraw(b *testing.B) {
	v := openVotes(b, open(b, b.TempDir()))
	for epoch := uint64(1); b.Loop(); epoch++ {
		check(b, v.Withdraw("a", epoch))
	}
}

func BenchmarkTimedWrite(b *testing.B) {
	r := openStores(b, open(b, b.TempDir()))
	for b.Loop() {
		_, err := r.TimedWrite(b.Context())
		check(b, err)
	}
}
