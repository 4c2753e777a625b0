package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTimeout(t *testing.T) {
	d := daemon{says: []string{"moving web to n2"}, hang: true}
	got := vipctl(t.Context(), "", "move", "web", "n2", "--timeout", "50ms", "--socket", serve(t, &d))
	want := "moving web to n2\n" +
		"vipctl: gave up after 50ms (--timeout) while moving web to n2; vipd may still complete it, which `vipctl status` shows\n"
	if got.stderr.String() != want || got.code != exitRefused {
		t.Errorf("exit %d, stderr:\n%swant exit %d:\n%s", got.code, &got.stderr, exitRefused, want)
	}
}

func TestTimeoutOfQuestion(t *testing.T) {
	got := vipctl(t.Context(), "", "status", "--timeout", "50ms", "--socket", serve(t, &daemon{hang: true}))
	want := "vipctl: gave up after 50ms (--timeout) while waiting for vipd's answer\n"
	if got.stderr.String() != want || got.code != exitRefused {
		t.Errorf("exit %d, stderr:\n%swant exit %d:\n%s", got.code, &got.stderr, exitRefused, want)
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	socket := serve(t, &daemon{says: []string{"n1 still holds 3 groups"}, hang: true})
	var stdout bytes.Buffer
	stderr := trigger{on: "3 groups", do: cancel}
	code := run(ctx, []string{"drain", "n1", "--socket", socket}, strings.NewReader(""), &stdout, &stderr)
	if want := "vipctl: interrupted while n1 still holds 3 groups; vipd may still complete it"; code != exitRefused || !strings.Contains(stderr.text.String(), want) {
		t.Errorf("exit %d, stderr:\n%swant exit %d and %q", code, &stderr.text, exitRefused, want)
	}
}

// trigger does something once a text was written to it.
type trigger struct {
	on   string
	do   func()
	text bytes.Buffer
	once sync.Once
}

func (w *trigger) Write(p []byte) (int, error) {
	n, err := w.text.Write(p)
	if strings.Contains(w.text.String(), w.on) {
		w.once.Do(w.do)
	}
	return n, err
}

func TestUnreachable(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "vipd.sock")
	for _, command := range []string{"status", "token", "get", "profile", "leave", "drain n1", "version"} {
		got := vipctl(t.Context(), "", append(strings.Fields(command), "--socket", socket)...)
		want := "vipctl: no vipd answers at " + socket + ": start it (systemctl start vipd), or name its socket with --socket\n"
		if got.stderr.String() != want || got.code != exitUnreachable {
			t.Errorf("%s: exit %d, stderr:\n%swant exit %d:\n%s", command, got.code, &got.stderr, exitUnreachable, want)
		}
	}
}

// A version that nobody else can tell is told even if no daemon answers.
func TestVersionWithoutDaemon(t *testing.T) {
	got := vipctl(t.Context(), "", "version", "--socket", filepath.Join(t.TempDir(), "vipd.sock"))
	if want := "vipctl  dev\n"; got.stdout.String() != want {
		t.Errorf("stdout %q, want %q", &got.stdout, want)
	}
}

func TestCompletion(t *testing.T) {
	d := daemon{status: three(longAgo)}
	t.Setenv("VIPD_SOCKET", serve(t, &d))
	for args, want := range map[string]string{
		"move":     "a\nmail\nweb\n:4\n",
		"move web": "n1\nn2\nnode-three\n:4\n",
		"undrain":  "n1\nn2\nnode-three\n:4\n",
	} {
		got := vipctl(t.Context(), "", append(append([]string{"__complete"}, strings.Fields(args)...), "")...)
		if got.stdout.String() != want {
			t.Errorf("completion after %q:\n%swant:\n%s", args, &got.stdout, want)
		}
	}
	if got := vipctl(t.Context(), "", "completion", "bash"); got.code != exitDone || !strings.Contains(got.stdout.String(), "__start_vipctl") {
		t.Errorf("completion bash: exit %d, %d bytes", got.code, got.stdout.Len())
	}
}

// On a terminal one line is written over, with the time that passed, and gone at the end.
func TestProgressOnTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var screen bytes.Buffer
		p := &progress{to: &screen, width: 24}
		stop := p.start()
		p.say("moving web to n2")
		time.Sleep(2*time.Second + time.Millisecond) // of the bubble's clock, which nobody waits for
		p.say("waiting for n1 to let go of web")
		stop()
		want := []string{
			"moving web to n2",
			"moving web to n2", // a second has passed, but not more
			"moving web to n2 (2s)",
			"waiting for n1 to let g", // what else would not fit the line
			"",
		}
		if diff := cmp.Diff(want, strings.Split(screen.String(), "\r\x1b[K")[1:]); diff != "" {
			t.Errorf("the line as written over (-want +got):\n%s", diff)
		}
	})
}

func TestProgressInFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var file bytes.Buffer
		p := &progress{to: &file}
		stop := p.start()
		p.say("moving web to n2")
		time.Sleep(1500 * time.Millisecond)
		p.say("waiting for n1 to let go")
		stop()
		if want := "moving web to n2\nwaiting for n1 to let go (1.5s)\n"; file.String() != want {
			t.Errorf("wrote %q, want %q", file.String(), want)
		}
	})
}
