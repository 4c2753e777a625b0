package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vipd/cluster/state"
)

// peerSocket makes this test binary another user's program that uses the socket named.
const peerSocket = "VIPD_TEST_PEER_SOCKET"

// actAsPeer looks, commands, and says what came of it.
func actAsPeer(socket string) int {
	ctx, end := context.WithTimeout(context.Background(), limit)
	defer end()
	client := NewClient(socket, func(string) {})
	say := func(what string, err error) {
		text := "done"
		var refused *Refused
		switch {
		case errors.As(err, &refused):
			text = "refused: " + refused.Text
		case errors.Is(err, os.ErrPermission):
			text = "shut out"
		case err != nil:
			text = "error: " + err.Error()
		}
		fmt.Printf("%s: %s\n", what, text)
	}
	served, err := client.Spec(ctx, SpecRequest{})
	say("spec", err)
	if err != nil {
		return 0
	}
	fmt.Println("password:", served.Groups[0].VRRP.AuthPass)
	_, err = client.Events(ctx, EventsRequest{}, func(*state.Event, bool) error { return nil })
	say("events", err)
	_, err = client.Apply(ctx, ApplyRequest{DryRun: true})
	say("apply --dry-run", err)
	_, err = client.Apply(ctx, ApplyRequest{})
	say("apply", err)
	_, err = client.Profile(ctx, ProfileRequest{})
	say("profile", err)
	_, err = client.Token(ctx)
	say("token", err)
	_, err = client.Move(ctx, MoveRequest{})
	say("move", err)
	return 0
}

// office is a daemon of which everything can be asked, and that notes who commands.
type office struct {
	Backend
	by chan string
}

func (o office) note(ctx context.Context) {
	c, _ := CallerOf(ctx)
	o.by <- fmt.Sprintf("%d %s", c.UID, c.Name())
}

func (o office) Spec(context.Context, SpecRequest, Progress) (Specification, error) {
	return Specification{Groups: []state.Group{{Name: "web", VRRP: &state.VRRP{AuthPass: "secret"}}}}, nil
}

func (o office) Events(context.Context, EventsRequest, Teller) (EventsResult, error) {
	return EventsResult{}, nil
}

func (o office) Apply(ctx context.Context, r ApplyRequest, _ Progress) (ApplyResult, error) {
	if !r.DryRun {
		o.note(ctx)
	}
	return ApplyResult{}, nil
}

func (o office) Profile(context.Context, ProfileRequest, Progress) (state.Profile, error) {
	return state.Profile{}, nil
}

func (o office) Token(ctx context.Context, _ TokenRequest, _ Progress) (TokenText, error) {
	o.note(ctx)
	return TokenText{}, nil
}

func (o office) Move(ctx context.Context, _ MoveRequest, _ Progress) (GroupStatus, error) {
	o.note(ctx)
	return GroupStatus{}, nil
}

// asPeer runs this test binary as another user, who uses the socket.
func asPeer(t *testing.T, socket string, who *syscall.Credential) string {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	from, err := os.Open(self)
	check(t, err)
	defer from.Close()
	binary := filepath.Join(filepath.Dir(socket), "peer") // the original is where only root may go
	to, err := os.OpenFile(binary, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	check(t, err)
	_, err = io.Copy(to, from)
	check(t, errors.Join(err, to.Close()))
	cmd := exec.CommandContext(bounded(t), binary)
	cmd.Env = []string{peerSocket + "=" + socket}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("peer: %v\n%s%s", err, out, &stderr)
	}
	return string(out)
}

// openTo serves a socket in a directory that everyone may enter.
func openTo(t *testing.T, access Access) (socket string, by chan string) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("it takes root to be another user")
		}
		t.Skip("it takes root to be another user")
	}
	dir, err := os.MkdirTemp("/tmp", "vipd-api")
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	check(t, os.Chmod(dir, 0o755))
	socket = filepath.Join(dir, "vipd.sock")
	l, err := Listen(socket, access)
	check(t, err)
	by = make(chan string, 16)
	serveAt(t, l, office{by: by}, access)
	return socket, by
}

func id(n uint32) *uint32 { return &n }

const stranger = 54321 // has no name

func TestWhoMayCommand(t *testing.T) {
	const looked = "spec: done\npassword: (not shown)\nevents: done\napply --dry-run: done\napply: %[1]s\nprofile: done\ntoken: %[1]s\nmove: %[1]s\n"
	const did = "spec: done\npassword: secret\nevents: done\napply --dry-run: done\napply: done\nprofile: done\ntoken: done\nmove: done\n"
	const without = "refused: 54321 may look, and not command: run vipctl as root, or name a group of those who may as `command_group` in the node file"
	const with = "refused: 54321 may look, and not command: run vipctl as root or a member of the group vipadmin"
	group := Access{Mode: 0o666, Command: id(7000), CommandName: "vipadmin"}
	for _, c := range []struct {
		name   string
		access Access
		who    syscall.Credential
		want   string
		by     string // each of three commands
	}{
		{"root", Access{}, syscall.Credential{}, did, "0 root"},
		{"another user without access", Access{}, syscall.Credential{Uid: stranger, Gid: stranger}, "spec: shut out\n", ""},
		{"another user", Access{Mode: 0o666}, syscall.Credential{Uid: stranger, Gid: stranger}, fmt.Sprintf(looked, without), ""},
		{"root's group", Access{}, syscall.Credential{Uid: stranger, Gid: 0}, fmt.Sprintf(looked, without), ""},
		{"owner of the socket", Access{Mode: 0o600, Owner: id(stranger)}, syscall.Credential{Uid: stranger, Gid: stranger}, fmt.Sprintf(looked, without), ""},
		{"group of the socket", Access{Group: id(7000)}, syscall.Credential{Uid: stranger, Gid: stranger, Groups: []uint32{7000}}, fmt.Sprintf(looked, without), ""},
		{"commanding group", group, syscall.Credential{Uid: stranger, Gid: stranger, Groups: []uint32{8000, 7000}}, did, "54321 54321"},
		{"commanding group as its own", group, syscall.Credential{Uid: stranger, Gid: 7000}, did, "54321 54321"},
		{"another group", group, syscall.Credential{Uid: stranger, Gid: stranger, Groups: []uint32{8000}}, fmt.Sprintf(looked, with), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			socket, by := openTo(t, c.access)
			who := c.who
			diff(t, "what the peer could do", c.want, asPeer(t, socket, &who))
			var want, got []string
			if c.by != "" {
				want = []string{c.by, c.by, c.by}
			}
			for len(by) > 0 {
				got = append(got, <-by)
			}
			diff(t, "who gave commands", want, got)
		})
	}
}

func TestSocketHasItsOwner(t *testing.T) {
	socket, _ := openTo(t, Access{Mode: 0o620, Owner: id(stranger), Group: id(7000)})
	info, err := os.Stat(socket)
	check(t, err)
	stat := info.Sys().(*syscall.Stat_t)
	diff(t, "owner", []uint32{stranger, 7000}, []uint32{stat.Uid, stat.Gid})
	diff(t, "mode", os.FileMode(0o620), info.Mode().Perm())
}

// One user's connections leave others theirs, and who has too many is told so.
func TestConnectionsAreBounded(t *testing.T) {
	socket, stop := serve(t, daemon{move: func(_ context.Context, r MoveRequest, _ Progress) (GroupStatus, error) {
		return GroupStatus{Name: r.Group}, nil
	}})
	defer stop()
	var open []net.Conn
	defer func() {
		for _, conn := range open {
			conn.Close()
		}
	}()
	for range maxPerUser {
		conn, err := net.Dial("unix", socket)
		check(t, err)
		open = append(open, conn)
	}
	client := NewClient(socket, func(string) {})
	_, err := client.Move(bounded(t), MoveRequest{Group: "web"})
	var refused *Refused
	if !errors.As(err, &refused) || !strings.HasPrefix(refused.Text, "too many connections") {
		t.Fatalf("with all connections taken: %v", err)
	}
	d := newDoor(nil)
	for range maxPerUser {
		d.enter(Caller{UID: 7})
	}
	if d.enter(Caller{UID: 7}) || !d.enter(Caller{UID: 8}) {
		t.Fatal("a user keeps others out, or is let in once too often")
	}
	open[0].Close()
	eventually(t, "there is room again", func() bool {
		_, err := client.Move(bounded(t), MoveRequest{Group: "web"})
		return err == nil
	})
}

// A client that asks for more than it takes is let go of, and costs others nothing.
func TestClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	socket, _ := serve(t, streaming{events: func(_ context.Context, _ EventsRequest, tell Teller) (EventsResult, error) {
		for seq := uint64(1); ; seq++ {
			if err := tell(&state.Event{Seq: seq, Reason: strings.Repeat("x", 1<<10)}, false); err != nil {
				ended <- err
				return EventsResult{}, err
			}
		}
	}})
	conn, err := net.Dial("unix", socket)
	check(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /v1/events HTTP/1.1\r\nHost: vipd\r\nContent-Length: 2\r\n\r\n{}")
	check(t, err)
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("ended with %v", err)
		}
	case <-time.After(limit):
		t.Fatal("it is still being told")
	}
}

type streaming struct {
	Backend
	events func(context.Context, EventsRequest, Teller) (EventsResult, error)
}

func (s streaming) Events(ctx context.Context, r EventsRequest, tell Teller) (EventsResult, error) {
	return s.events(ctx, r, tell)
}

func TestEventsAreTold(t *testing.T) {
	more := make(chan struct{})
	socket := filepath.Join(t.TempDir(), "vipd.sock")
	l, err := Listen(socket, Access{})
	check(t, err)
	end, _ := serveAt(t, l, streaming{events: func(ctx context.Context, r EventsRequest, tell Teller) (EventsResult, error) {
		for _, e := range []state.Event{{Seq: 5, Group: "web"}, {Seq: 7, Group: "db"}, {Seq: 8, Node: "b", From: "a"}} {
			if r.Wants(&e) {
				if err := tell(&e, e.Seq == 7); err != nil {
					return EventsResult{}, err
				}
			}
		}
		<-more
		<-ctx.Done()
		return EventsResult{Last: 8}, nil
	}}, Access{})
	var told []string
	client := NewClient(socket, func(string) {})
	result, err := client.Events(bounded(t), EventsRequest{After: 5, Follow: true}, func(e *state.Event, missed bool) error {
		told = append(told, fmt.Sprint(e.Seq, missed))
		if e.Seq == 8 {
			close(more)
			end() // a daemon that stops ends its streams at once
		}
		return nil
	})
	check(t, err)
	diff(t, "told", []string{"7 true", "8 false"}, told)
	diff(t, "result", EventsResult{Last: 8}, result)
	diff(t, "wanted by who held", true, EventsRequest{Node: "a"}.Wants(&state.Event{Seq: 1, From: "a", Node: "b"}))
	diff(t, "wanted by group", false, EventsRequest{Group: "a"}.Wants(&state.Event{Seq: 1, Group: "b"}))
	diff(t, "wanted by time", false, EventsRequest{Since: time.Unix(9, 0)}.Wants(&state.Event{Seq: 1, At: time.Unix(8, 0)}))
}
