package lab

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// Frames arrive when they are due, in order unless they are to overtake, and as often as is asked for.
func TestLane(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name    string
		transit Transit
		draws   []int64 // for each frame: overtake, jitter unless it does, twice, and how much later the second one is
		want    string
	}{
		{"delay", Transit{Delay: 10 * ms}, []int64{0, 0, 0, 0, 0, 0, 0, 0, 0}, "a10 b11 c12"},
		{"jitter keeps the order", Transit{Delay: 10 * ms, Jitter: 5 * ms}, []int64{0, int64(5 * ms), 0, 0, 0, 0, 0, 0, 0}, "a15 b15 c15"},
		{"overtaking", Transit{Delay: 10 * ms, Overtake: 100}, []int64{100, 0, 0, 99, 0, 100, 0, 0}, "b1 a10 c12"},
		{"twice", Transit{Delay: 10 * ms, Twice: 100}, []int64{0, 0, 99, int64(3 * ms), 0, 0, 100, 0, 0, 100}, "a10 b11 c12 a13"},
	} {
		start := time.Unix(1000, 0)
		l := lane{transit: tt.transit, below: func(int64) int64 {
			n := tt.draws[0]
			tt.draws = tt.draws[1:]
			return n
		}}
		for i, name := range []string{"a", "b", "c"} {
			l.send([]byte(name), start.Add(time.Duration(i)*ms))
		}
		var got []string
		for at := time.Duration(0); at < 30*ms; at += ms {
			for _, data := range l.arrived(start.Add(at)) {
				got = append(got, fmt.Sprintf("%s%d", data, at/ms))
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// What is under way is bounded.
func TestLaneIsBounded(t *testing.T) {
	l := lane{transit: Transit{Delay: time.Second}, below: func(int64) int64 { return 999 }}
	for range inTransit + 10 {
		l.send(nil, time.Unix(1000, 0))
	}
	if got := len(l.arrived(time.Unix(2000, 0))); got != inTransit {
		t.Errorf("%d frames, want %d", got, inTransit)
	}
}

// A connection over a cable that delays, reorders and doubles takes its time, and carries what it is given; a partition
// divides it all the same.
func TestTravel(t *testing.T) {
	l := New(t, Options{Hosts: 2})
	a, b := l.Hosts[0], l.Hosts[1]
	const delay = 30 * time.Millisecond
	if err := a.Travel(Transit{Delay: delay, Jitter: delay / 3, Overtake: 100, Twice: 300}); err != nil {
		t.Fatal(err)
	}
	sent := bytes.Repeat([]byte("frames "), 1<<17)
	var received []byte
	took, err := carry(a, b, sent, &received)
	if err != nil {
		t.Fatal(err)
	}
	if took < delay { // there and back, but for a frame that overtakes
		t.Errorf("connected within %v", took)
	}
	if !slices.Equal(sent, received) {
		t.Errorf("%d bytes arrived of %d, or others", len(received), len(sent))
	}
	if err := l.Partition([]*Host{a}, []*Host{b}); err != nil {
		t.Fatal(err)
	}
	if reaches(t, a, b) {
		t.Error("the partition lets a delayed cable through")
	}
	if err := l.Heal(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the delayed cable is whole", func() bool { return reaches(t, a, b) })
	if err := a.Cut(); err != nil {
		t.Fatal(err)
	}
	if reaches(t, a, b) {
		t.Error("a delayed cable is not cut")
	}
	if err := a.Mend(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "mended", func() bool { return reaches(t, a, b) })
	if _, err := l.Switch.nl.LinkByName("via-" + a.Name); err == nil {
		t.Error("what delayed is still there")
	}
}

// carry sends data from one host to the other, and returns how long it took to connect.
func carry(from, to *Host, data []byte, received *[]byte) (took time.Duration, err error) {
	var listener net.Listener
	if err := to.Do(func() (err error) {
		listener, err = net.Listen("tcp", net.JoinHostPort(to.IPv4.Addr().String(), "4000"))
		return err
	}); err != nil {
		return 0, err
	}
	defer listener.Close()
	done := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			*received, err = io.ReadAll(conn)
		}
		done <- err
	}()
	var conn net.Conn
	begin := time.Now()
	if err := from.Do(func() (err error) {
		conn, err = net.DialTimeout("tcp", listener.Addr().String(), 10*time.Second)
		return err
	}); err != nil {
		return 0, err
	}
	took = time.Since(begin)
	if _, err := conn.Write(data); err != nil {
		return took, err
	}
	if err := conn.Close(); err != nil {
		return took, err
	}
	return took, <-done
}
