package fence

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/vip/boottime"
)

// spinEnv makes the test binary a busy loop.
const spinEnv = "VIPD_FENCE_TEST_SPIN"

const probeEvery = 100 * time.Microsecond

// BenchmarkLateness lets the gate shut by itself, once per iteration, while packets from a held address try to pass
// every 100 µs. Lateness is when the last one passed (read after it was sent, so never too early) minus the end of the
// lease. Negative means that the gate shut early, as it should. An iteration is blind if the sender itself was held up
// for more than 1 ms around the end, so that it could have missed a late packet. Run it with -benchtime 1000x.
func BenchmarkLateness(b *testing.B) {
	b.Run("idle", benchmarkLateness)
	b.Run("loaded", func(b *testing.B) {
		needRoot(b)
		load(b, 2*runtime.NumCPU())
		benchmarkLateness(b)
	})
}

func benchmarkLateness(b *testing.B) {
	l := newLab(b)
	f := l.open(b, Options{})
	g := newGun(b, l)
	late := make([]time.Duration, 0, b.N)
	blind := 0
	for i := range b.N {
		// Different lengths spread the ends over the jiffy.
		end := after(40*time.Millisecond + time.Duration(i*997%20000)*time.Microsecond)
		err := f.Raise(end)
		if errors.Is(err, ErrStalled) || errors.Is(err, ErrShut) {
			continue // held up: the gate never opened
		}
		check(b, err)
		check(b, f.Hold([]netip.Addr{vipV4}))
		last, gap := g.fire(b)
		if last == 0 {
			check(b, f.Bar([]netip.Addr{vipV4}))
			continue // held up until the gate had shut again
		}
		late = append(late, time.Duration(last-end))
		if gap > 10*probeEvery {
			blind++
		}
		check(b, f.Bar([]netip.Addr{vipV4}))
	}
	report(b, late)
	c, err := f.Counters()
	check(b, err)
	b.ReportMetric(float64(c.Stalls), "stalls")
	b.ReportMetric(float64(blind), "blind")
	b.ReportMetric(0, "ns/op")
}

// report gives the median, the 99th percentile and the worst.
func report(b *testing.B, d []time.Duration) {
	if len(d) == 0 {
		return
	}
	slices.Sort(d)
	at := func(q float64) float64 { return float64(d[int(q*float64(len(d)-1))].Microseconds()) }
	b.ReportMetric(at(.5), "µs-late-median")
	b.ReportMetric(at(.99), "µs-late-p99")
	b.ReportMetric(at(1), "µs-late-worst")
}

// A gun sends packets from the first virtual address. The kernel says at once whether the fence let one pass.
type gun struct {
	fd int
	to *unix.SockaddrInet4
}

func newGun(b *testing.B, l *lab) *gun {
	g := &gun{to: &unix.SockaddrInet4{Port: 9, Addr: peerV4.As4()}}
	in(b, l.host, func() (err error) {
		if g.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0); err != nil {
			return err
		}
		return unix.Bind(g.fd, &unix.SockaddrInet4{Addr: vipV4.As4()})
	})
	b.Cleanup(func() { unix.Close(g.fd) })
	realtime(b)
	return g
}

// realtime keeps the load from blurring the measurement: the probe runs when it is due. Spare processors of the Go
// scheduler, and no garbage collection, keep it from waiting for threads that have no such priority.
func realtime(b *testing.B) {
	runtime.LockOSThread()
	procs, percent := runtime.GOMAXPROCS(16), debug.SetGCPercent(-1)
	fifo := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
	if err := unix.SchedSetAttr(0, fifo, 0); err != nil {
		b.Logf("measuring without real-time priority: %v", err)
	}
	b.Cleanup(func() {
		unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0)
		runtime.UnlockOSThread()
		runtime.GOMAXPROCS(procs)
		debug.SetGCPercent(percent)
	})
}

// fire sends until packets are dropped and returns the instant after the last that passed, and how long after that the
// first was dropped. It goes on for
// 40 ms, lest the gate open again.
func (g *gun) fire(b *testing.B) (last int64, gap time.Duration) {
	pause := unix.NsecToTimespec(int64(probeEvery))
	var dropped int64
	for quiet := 0; quiet < int(40*time.Millisecond/probeEvery); quiet++ {
		err := unix.Sendto(g.fd, []byte("x"), 0, g.to)
		now := boottime.Now()
		switch {
		case err == nil && dropped != 0:
			b.Fatal("a packet passed after another was dropped")
		case err == nil:
			last, quiet = now, 0
		case !errors.Is(err, unix.EPERM):
			b.Fatal(err)
		case dropped == 0:
			dropped = now
		}
		unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &pause, nil)
	}
	return last, time.Duration(dropped - last)
}

func spin() {
	for { //nolint:staticcheck // to keep a processor busy is what it is for
	}
}

// load keeps n processes busy until the benchmark ends.
func load(b *testing.B, n int) {
	for range n {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), spinEnv+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		check(b, cmd.Start())
		b.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
		})
	}
}

func BenchmarkExtend(b *testing.B) {
	f := newLab(b).open(b, Options{})
	check(b, f.Raise(after(patience)))
	check(b, f.Hold(vips))
	for b.Loop() {
		check(b, f.Extend(after(patience)))
	}
}

func BenchmarkHold(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newLab(b).open(b, Options{})
			addrs := numbered(n)
			for b.Loop() {
				check(b, f.Hold(addrs))
				b.StopTimer()
				check(b, f.Release(addrs))
				b.StartTimer()
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newLab(b).open(b, Options{})
			check(b, f.Hold(numbered(n)))
			for b.Loop() {
				check(b, f.Verify())
			}
		})
	}
}

func numbered(n int) []netip.Addr {
	addrs := make([]netip.Addr, n)
	for i := range addrs {
		addrs[i] = netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
	}
	return addrs
}
