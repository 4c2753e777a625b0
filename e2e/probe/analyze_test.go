package probe

import (
	"bytes"
	"encoding/json"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const ms = int64(time.Millisecond)

// The hosts of the tables: x, y, z, and a virtual router.
const (
	x = iota
	y
	z
	virtual
)

var start = time.Unix(1000, 0)

func at(d float64) int64 { return start.UnixNano() + int64(d*float64(ms)) }

// ans is an answer of a host to a request, times in milliseconds.
func ans(s Stream, host int, sent, received float64) Event {
	return Event{Stream: s, Host: uint16(host), Sent: at(sent), Received: at(received)}
}

func recording(end float64, events ...Event) Recording {
	return Recording{
		Start: start, End: time.Unix(0, at(end)), Addrs: []netip.Addr{vip4},
		Hosts: []Station{
			{Name: "x", MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}},
			{Name: "y", MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}},
			{Name: "z", MAC: net.HardwareAddr{2, 0, 0, 0, 0, 3}},
			{Name: "virtual", MAC: net.HardwareAddr{0, 0, 0x5e, 0, 1, 51}},
		},
		Events: events, Sent: make([][streams]int, 1),
		Timeout: 200 * time.Millisecond, Window: 50 * time.Millisecond, Threshold: 10 * time.Millisecond,
	}
}

func TestDoubleAnswers(t *testing.T) {
	const c = CensusEcho
	tests := []struct {
		name   string
		events []Event
		want   int
	}{
		{"one host", []Event{ans(c, x, 0, 1), ans(c, x, 2, 3), ans(c, x, 4, 5)}, 0},
		{"change", []Event{ans(c, x, 0, 1), ans(c, x, 2, 3), ans(c, y, 4, 5), ans(c, y, 6, 7)}, 0},
		{"change within one round", []Event{ans(c, x, 0, 1), ans(c, y, 0.1, 1.1), ans(c, y, 6, 7)}, 0},
		{"x y x", []Event{ans(c, x, 0, 1), ans(c, y, 2, 3), ans(c, x, 4, 5)}, 1},
		{"echo and census", []Event{ans(Echo, x, 0, 1), ans(CensusResolve, y, 2, 3), ans(Echo, x, 4, 5)}, 1},
		{"sent before the other's answer", []Event{ans(c, x, 0, 1), ans(c, y, 2, 4), ans(c, x, 3.9, 5)}, 0},
		{"sent as the other's answer came", []Event{ans(c, x, 0, 1), ans(c, y, 2, 4), ans(c, x, 4, 5)}, 1},
		{"other's sent before the first answer", []Event{ans(c, x, 0, 2.1), ans(c, y, 2, 3), ans(c, x, 4, 5)}, 0},
		{"late answer of the former", []Event{ans(c, x, 0, 1), ans(c, y, 4, 5), ans(c, x, 2, 9), ans(c, y, 10, 11)}, 0},
		{"way back after the window", []Event{ans(c, x, 0, 1), ans(c, y, 20, 21), ans(c, x, 51.1, 52)}, 0},
		{"way back at the window's end", []Event{ans(c, x, 0, 1), ans(c, y, 20, 21), ans(c, x, 51, 52)}, 1},
		{"three hosts in turn", []Event{ans(c, x, 0, 1), ans(c, y, 2, 3), ans(c, z, 4, 5)}, 0},
		{"two pairs", []Event{ans(c, x, 0, 1), ans(c, y, 2, 3), ans(c, x, 4, 5), ans(c, z, 6, 7), ans(c, x, 8, 9)}, 2},
		{"proofs in a row are one", []Event{ans(c, x, 0, 1), ans(c, y, 2, 3), ans(c, x, 4, 5), ans(c, y, 6, 7), ans(c, x, 8, 9)}, 1},
		{"proofs far apart are two", []Event{
			ans(c, x, 0, 1), ans(c, y, 2, 3), ans(c, x, 4, 5),
			ans(c, x, 100, 101), ans(c, y, 102, 103), ans(c, x, 104, 105),
		}, 2},
		{"broadcast does not count", []Event{ans(Resolve, x, 0, 1), ans(Resolve, y, 2, 3), ans(Resolve, x, 4, 5)}, 0},
		{"virtual MAC does not count", []Event{ans(c, x, 0, 1), ans(Echo, virtual, 2, 3), ans(c, x, 4, 5)}, 0},
		{"announcements do not count", []Event{
			ans(c, x, 0, 1), {Host: y, Received: at(2), Announcement: true}, ans(c, x, 4, 5),
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Analyze(recording(200, tt.events...))
			if got := r.DoubleAnswers(); len(got) != tt.want {
				t.Errorf("double answers %+v, want %d", got, tt.want)
			}
		})
	}
}

func TestDoubleAnswerFields(t *testing.T) {
	r := Analyze(recording(200, ans(Echo, y, 0, 1), ans(Echo, x, 2, 3), ans(Echo, y, 4, 5), ans(Echo, x, 6, 7)))
	want := []DoubleAnswer{{Addr: vip4, At: time.Unix(0, at(1)), Until: time.Unix(0, at(7)), Hosts: [2]string{"x", "y"}, Proofs: 2}}
	if d := cmp.Diff(want, r.DoubleAnswers(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Errorf("double answers (-want +got):\n%s", d)
	}
}

// Whatever the delays and losses, hosts that have the address one after the
// other are never found to have it at once.
func TestDoubleAnswersSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		us := func(label string, low, high int) float64 {
			return float64(rapid.IntRange(low, high).Draw(t, label)) / 1000
		}
		moved := us("moved", 0, 100_000)
		gap := us("gap", 1, 1000)
		var events []Event
		for range rapid.IntRange(0, 60).Draw(t, "answers") {
			sent := us("sent", 0, 120_000)
			// The host answers at one moment between sending and receipt.
			answered := sent + us("there", 0, 30_000)
			received := answered + us("back", 0, 30_000)
			switch {
			case answered < moved:
				events = append(events, ans(CensusEcho, x, sent, received))
			case answered > moved+gap:
				events = append(events, ans(Echo, y, sent, received))
			}
		}
		r := Analyze(recording(200, events...))
		if got := r.DoubleAnswers(); len(got) > 0 {
			t.Fatalf("double answers %+v", got)
		}
	})
}

func TestSilences(t *testing.T) {
	rec := recording(500,
		ans(Echo, x, 0, 0.5), ans(Echo, x, 1, 1.5), ans(Echo, x, 2, 2.5),
		ans(Echo, y, 250, 250.5), ans(Echo, y, 251, 251.5),
		ans(Echo, y, 252, 460), // later than the timeout
		ans(Resolve, x, 0, 1), ans(Resolve, y, 240, 241), ans(Resolve, x, 240, 241.2), ans(Resolve, y, 499, 499.5),
	)
	rec.Sent[0] = [streams]int{Echo: 300, Resolve: 300}
	rec.Prober.Stalls = []Stall{
		{Start: time.Unix(0, at(1)), Duration: 4 * time.Millisecond}, // 2.5 of it in the silence
		{Start: time.Unix(0, at(100)), Duration: 10 * time.Millisecond},
		{Start: time.Unix(0, at(490)), Duration: 5 * time.Millisecond}, // in the open one
	}
	a := Analyze(rec).Addresses[0]
	first := Silence{
		Start: time.Unix(0, at(2.5)), End: time.Unix(0, at(250.5)), Duration: 248 * time.Millisecond,
		Before: "x", After: "y", Stalled: 12500 * time.Microsecond,
	}
	open := Silence{
		Start: time.Unix(0, at(251.5)), End: time.Unix(0, at(500)), Duration: 248500 * time.Microsecond,
		Before: "y", Open: true, Stalled: 5 * time.Millisecond,
	}
	want := StreamReport{Sent: 300, Answered: 5, Lost: 295, Longest: open, Silences: []Silence{first, open}}
	if d := cmp.Diff(want, a.Echo); d != "" {
		t.Errorf("echo (-want +got):\n%s", d)
	}
	// Two answers to one request answer one request.
	if a.Resolve.Answered != 3 || a.Resolve.Longest.Duration != 258300*time.Microsecond {
		t.Errorf("resolve %+v", a.Resolve)
	}
}

func TestNobodyAnswers(t *testing.T) {
	rec := recording(500)
	rec.Sent[0] = [streams]int{Echo: 10}
	r := Analyze(rec)
	if a := r.Addresses[0]; !a.First.IsZero() || a.Echo.Lost != 10 || len(a.Echo.Silences) > 0 {
		t.Errorf("%+v", a)
	}
}

// The printed story of a failover.
func TestTimeline(t *testing.T) {
	rec := recording(500,
		ans(Echo, x, 0, 1), ans(Echo, x, 2, 3),
		Event{Host: y, Received: at(251), Announcement: true},
		Event{Host: y, Received: at(252), Announcement: true},
		ans(CensusEcho, y, 250, 250.4), ans(Echo, y, 254, 255), ans(Echo, y, 494, 495),
	)
	rec.Marks = []Mark{{At: time.Unix(0, at(2.5)), Text: "kill x"}}
	rec.Prober.Stalls = []Stall{{Start: time.Unix(0, at(300)), Duration: 20 * time.Millisecond}}
	r := Analyze(rec)
	var b bytes.Buffer
	if err := r.Timeline(&b, vip4); err != nil {
		t.Fatal(err)
	}
	want := `    0.001 s  first answer, from x
    0.003 s  * kill x
    0.003 s  x answered last
    0.250 s  first answer from y, 247ms later
    0.251 s  y announces the address
    0.255 s  silence 252ms from x to y
    0.300 s  the prober itself stalled for 20ms
    0.495 s  silence 240ms (the prober stalled for 20ms of it)
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("timeline (-want +got):\n%s", d)
	}
	if err := r.Timeline(&b, vip6); err == nil {
		t.Error("timeline of an address that was not watched")
	}
}

func TestReportJSON(t *testing.T) {
	rec := recording(500, ans(Echo, x, 0, 1), ans(Echo, y, 250, 251))
	want := Analyze(rec)
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Report
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	opts := []cmp.Option{cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(time.Time.Equal)}
	if d := cmp.Diff(want, got, opts...); d != "" {
		t.Errorf("after JSON (-want +got):\n%s", d)
	}
	if !bytes.Contains(b, []byte(`"duration_ns":250000000`)) {
		t.Errorf("no silence of 250 ms in %s", b)
	}
}
