package backup

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/cluster/state"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func group(name, address, password string) state.Group {
	g := state.Group{
		Name: name, Interface: "eth0", Priority: 100, Preempt: true,
		Addresses: []state.Address{{Prefix: netip.MustParsePrefix(address), Interface: "eth0"}},
	}
	if password != "" {
		g.VRRP = &state.VRRP{RouterID: 51, Version: 2, AdvertInt: time.Second, AuthPass: password}
	}
	return g
}

// cluster is a state with something of everything.
func cluster(t testing.TB, groups ...state.Group) *state.State {
	t.Helper()
	s := state.New()
	for i, cmd := range []state.Command{
		{Init: &state.Init{Cluster: "c1", Profile: state.WAN, Node: state.Node{Name: "a", Instance: "i-a", Gossip: "a:1", Address: "a:2"}}},
		{Join: &state.Join{Node: state.Node{Name: "b", Instance: "i-b", Gossip: "b:1", Address: "b:2"}}},
		{Register: &state.Register{Node: "a", Instance: "i-a", Start: "s"}},
		{SetGroups: &state.SetGroups{Groups: groups}},
	} {
		cmd.At = noon
		next, result := s.Apply(uint64(i+1), cmd)
		if result.Err != nil {
			t.Fatal(result.Err)
		}
		s = next
	}
	return s.WithVoters(9, []string{"a"})
}

func example(t testing.TB) Backup {
	b := Of(cluster(t, group("web", "192.0.2.10/24", "secret"), group("db", "192.0.2.11/24", "")), false)
	b.Made, b.By, b.Vipd = noon, "a", "1.2.3"
	return b
}

func marshal(t testing.TB, b Backup) []byte {
	t.Helper()
	text, err := b.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var samePrefix = cmp.Options{
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	b := example(t)
	got, err := Parse("f", marshal(t, b))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(b, got, samePrefix); d != "" {
		t.Errorf("(-written +read)\n%s", d)
	}
	if b.LastSerial != 2 || b.LastEpoch != 1 || b.Index != 9 || b.Profile != state.WAN {
		t.Errorf("numbers: %+v", b)
	}
	if d := cmp.Diff([]Member{{Name: "a", Gossip: "a:1", Address: "a:2", Voter: true, Joined: noon}, {Name: "b", Gossip: "b:1", Address: "b:2", Joined: noon}}, b.Members); d != "" {
		t.Errorf("members\n%s", d)
	}
}

// Whatever byte is changed and wherever the file ends, it is refused.
func TestDamagedFileIsRefused(t *testing.T) {
	good := marshal(t, example(t))
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 4
		if _, err := Parse("f", bad); err == nil {
			t.Errorf("byte %d is %q instead of %q", i, bad[i], good[i])
		}
		if _, err := Parse("f", good[:i]); !errors.Is(err, ErrInvalid) || !strings.HasPrefix(err.Error(), "f: ") {
			t.Errorf("cut at byte %d: %v", i, err)
		}
	}
	if _, err := Parse("f", append(good, '\n')); !errors.Is(err, ErrInvalid) {
		t.Errorf("a byte more: %v", err)
	}
}

func TestWhatIsNotKnownIsRefused(t *testing.T) {
	b := example(t)
	newer := strings.Replace(string(marshal(t, b)), "backup 1", "backup 2", 1)
	if _, err := Parse("f", []byte(newer)); err == nil || !strings.Contains(err.Error(), "format 2, and this vipctl reads up to 1") {
		t.Errorf("a newer format: %v", err)
	}
	for what, change := range map[string]func(*Backup){
		"profile":  func(b *Backup) { b.Profile.Lease = 0 },
		"serial":   func(b *Backup) { b.LastSerial = 1 << 63 },
		"epoch":    func(b *Backup) { b.LastEpoch = 1 << 63 },
		"password": func(b *Backup) { b.Withheld = []string{"db"} },
		"priority": func(b *Backup) { b.Groups[0].Priority = -1 },
	} {
		b := example(t)
		change(&b)
		if _, err := Parse("f", marshal(t, b)); err == nil {
			t.Errorf("a %s that cannot be is taken", what)
		}
	}
}

func TestPasswords(t *testing.T) {
	web := group("web", "192.0.2.10/24", "secret")
	without, with := Of(cluster(t, web), false), Of(cluster(t, web), true)
	if text := string(marshal(t, without)); strings.Contains(text, "secret") {
		t.Errorf("a password that nobody asked for: %s", text)
	}
	if with.Groups[0].VRRP.AuthPass != "secret" || with.Withheld != nil {
		t.Errorf("no password although it was asked for: %+v", with)
	}
	other := cluster(t, group("web", "192.0.2.99/24", "changed"))
	served, err := without.Served(other)
	if err != nil || served.Groups[0].VRRP.AuthPass != "changed" || served.Groups[0].Addresses[0].Prefix.Addr().String() != "192.0.2.10" {
		t.Errorf("the cluster's password is not kept: %+v, %v", served, err)
	}
	if without.Groups[0].VRRP.AuthPass != "" {
		t.Error("the backup was changed")
	}
	if _, err := without.Served(cluster(t)); err == nil || !strings.Contains(err.Error(), "--secrets") {
		t.Errorf("a group without its password: %v", err)
	}
	if served, err := with.Served(cluster(t)); err != nil || served.Groups[0].VRRP.AuthPass != "secret" {
		t.Errorf("with its password: %+v, %v", served, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(""))
	f.Add(marshal(f, example(f)))
	f.Add([]byte("vipd backup 1 sha256 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\n{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if b, err := Parse("f", data); err == nil {
			again, err := Parse("f", marshal(t, b))
			if d := cmp.Diff(b, again, samePrefix); err != nil || d != "" {
				t.Fatalf("%v\n%s", err, d)
			}
		}
		// The checksum keeps nearly all that fuzzing makes out; what is behind it is looked at as well.
		var b Backup
		if err := decode(data, &b); err == nil {
			_ = b.Validate()
			_, _ = b.Served(state.New())
		}
	})
}
