package api

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

// limit is how long a loaded machine may take for what normally takes milliseconds.
const limit = 20 * time.Second

func TestMain(m *testing.M) {
	if socket := os.Getenv(peerSocket); socket != "" {
		os.Exit(actAsPeer(socket))
	}
	goleak.VerifyTestMain(m)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func diff[T any](t testing.TB, what string, want, got T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("%s (-want +got):\n%s", what, d)
	}
}

// daemon is a Backend of which tests fill in what they ask for.
type daemon struct {
	Backend
	move  func(context.Context, MoveRequest, Progress) (GroupStatus, error)
	apply func(context.Context, ApplyRequest, Progress) (ApplyResult, error)
}

func (d daemon) Move(ctx context.Context, r MoveRequest, p Progress) (GroupStatus, error) {
	return d.move(ctx, r, p)
}

func (d daemon) Apply(ctx context.Context, r ApplyRequest, p Progress) (ApplyResult, error) {
	return d.apply(ctx, r, p)
}

// serve serves a backend at a new socket until the test ends, or stop is called.
func serve(t testing.TB, b Backend) (socket string, stop func()) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "run", "vipd.sock")
	l, err := Listen(socket, Access{})
	check(t, err)
	_, stop = serveAt(t, l, b, Access{})
	return socket, stop
}

// serveAt serves until the test ends, or stop is called; end only begins to stop.
func serveAt(t testing.TB, l net.Listener, b Backend, access Access) (end, stop func()) {
	t.Helper()
	ctx, end := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, b, access) }()
	stop = sync.OnceFunc(func() {
		end()
		check(t, <-served)
	})
	t.Cleanup(stop)
	return end, stop
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.After(limit); !holds(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited %v until %s", limit, what)
		}
	}
}

func bounded(t testing.TB) context.Context {
	ctx, end := context.WithTimeout(context.Background(), limit)
	t.Cleanup(end)
	return ctx
}

func TestProgressThenResult(t *testing.T) {
	socket, _ := serve(t, daemon{move: func(_ context.Context, r MoveRequest, progress Progress) (GroupStatus, error) {
		progress("first")
		progress("then")
		return GroupStatus{Name: r.Group, Holder: r.Node, Serial: 7}, nil
	}})
	var heard []string
	got, err := NewClient(socket, func(text string) { heard = append(heard, text) }).Move(bounded(t), MoveRequest{Group: "web", Node: "b"})
	check(t, err)
	diff(t, "result", GroupStatus{Name: "web", Holder: "b", Serial: 7}, got)
	diff(t, "progress", []string{"first", "then"}, heard)
}

// Progress is for the moment: it must arrive before the result is there.
func TestProgressArrivesAtOnce(t *testing.T) {
	heard := make(chan string, 1)
	socket, _ := serve(t, daemon{move: func(ctx context.Context, _ MoveRequest, progress Progress) (GroupStatus, error) {
		progress("working")
		select {
		case <-heard:
			return GroupStatus{Name: "web"}, nil
		case <-ctx.Done():
			return GroupStatus{}, ctx.Err()
		}
	}})
	_, err := NewClient(socket, func(text string) { heard <- text }).Move(bounded(t), MoveRequest{})
	check(t, err)
}

func TestRefused(t *testing.T) {
	socket, _ := serve(t, daemon{move: func(context.Context, MoveRequest, Progress) (GroupStatus, error) {
		return GroupStatus{}, errors.New("b cannot hold web: it is drained")
	}})
	_, err := NewClient(socket, func(string) {}).Move(bounded(t), MoveRequest{})
	var refused *Refused
	if !errors.As(err, &refused) || refused.Text != "b cannot hold web: it is drained" {
		t.Fatalf("refused with %v", err)
	}
	if errors.Is(err, ErrUnreachable) {
		t.Fatal("an answer counts as none")
	}
}

func TestUnreachable(t *testing.T) {
	client := NewClient(filepath.Join(t.TempDir(), "none.sock"), func(string) {})
	if _, err := client.Status(bounded(t)); !errors.Is(err, ErrUnreachable) {
		t.Fatalf("status of nobody: %v", err)
	}
}

func TestCallerStopsWaiting(t *testing.T) {
	started, ended := make(chan struct{}), make(chan struct{})
	socket, _ := serve(t, daemon{move: func(ctx context.Context, _ MoveRequest, _ Progress) (GroupStatus, error) {
		defer close(ended)
		close(started)
		<-ctx.Done()
		return GroupStatus{}, ctx.Err()
	}})
	cause := errors.New("interrupted")
	ctx, end := context.WithCancelCause(bounded(t))
	go func() {
		<-started
		end(cause)
	}()
	if _, err := NewClient(socket, func(string) {}).Move(ctx, MoveRequest{}); !errors.Is(err, cause) {
		t.Fatalf("interrupted with %v", err)
	}
	select {
	case <-ended:
	case <-time.After(limit):
		t.Fatal("the daemon goes on for nobody")
	}
}

func TestDaemonGoesAwayBeforeItAnswers(t *testing.T) {
	l, err := Listen(filepath.Join(t.TempDir(), "vipd.sock"), Access{})
	check(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buffer := make([]byte, 4096)
		if _, err := conn.Read(buffer); err == nil {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n{\"progress\":\"working\"}\n")
		}
	}()
	var heard []string
	_, err = NewClient(l.Addr().String(), func(text string) { heard = append(heard, text) }).Move(bounded(t), MoveRequest{})
	if !errors.Is(err, ErrUnreachable) {
		t.Fatalf("daemon went away: %v", err)
	}
	diff(t, "progress", []string{"working"}, heard)
	<-served
	check(t, l.Close())
}

// What is under way is finished for a moment; a daemon that stops does not wait for ever.
func TestStopEndsWhatIsUnderWay(t *testing.T) {
	started := make(chan struct{})
	socket, stop := serve(t, daemon{move: func(ctx context.Context, _ MoveRequest, _ Progress) (GroupStatus, error) {
		close(started)
		<-ctx.Done()
		return GroupStatus{}, ctx.Err()
	}})
	answered := make(chan error, 1)
	go func() {
		_, err := NewClient(socket, func(string) {}).Move(bounded(t), MoveRequest{})
		answered <- err
	}()
	<-started
	stop()
	if err := <-answered; err == nil {
		t.Fatal("a move that was cut off counts as done")
	}
}

func TestSocketBelongsToUserAndGroup(t *testing.T) {
	socket, _ := serve(t, daemon{})
	info, err := os.Stat(socket)
	check(t, err)
	diff(t, "mode", os.FileMode(0o660), info.Mode().Perm())
}

func TestSecondDaemonAtOneSocket(t *testing.T) {
	socket, _ := serve(t, daemon{move: func(context.Context, MoveRequest, Progress) (GroupStatus, error) {
		return GroupStatus{Name: "first"}, nil
	}})
	if l, err := Listen(socket, Access{}); err == nil {
		l.Close()
		t.Fatal("two daemons at one socket")
	} else if !strings.Contains(err.Error(), "another daemon answers there") {
		t.Fatalf("refused with %v", err)
	}
	got, err := NewClient(socket, func(string) {}).Move(bounded(t), MoveRequest{})
	check(t, err)
	diff(t, "who answers", "first", got.Name)
}

func TestSocketOfAKilledDaemonIsReplaced(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "vipd.sock")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	check(t, err)
	old.SetUnlinkOnClose(false)
	check(t, old.Close())
	if _, err := os.Stat(socket); err != nil {
		t.Fatalf("the test left no socket: %v", err)
	}
	l, err := Listen(socket, Access{})
	check(t, err)
	check(t, l.Close())
}
