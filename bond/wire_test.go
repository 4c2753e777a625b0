package bond

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

var linkNames = map[string]int{"": 0, "eth0": 7, "eth1": 300}

func nameOf(index int) string {
	for name, i := range linkNames {
		if i == index {
			return name
		}
	}
	return "?"
}

func indexFor(name string) (int, error) { return linkNames[name], nil }

// Every value of every option survives the way to the kernel's form and back.
func TestOptionRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := rapid.SampledFrom(options).Draw(t, "option")
		var value string
		switch {
		case o.kind == addressList:
			value = strings.Join(rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"10.0.0.1", "192.0.2.254", "0.0.0.1"}), 0, 3, rapid.ID).Draw(t, "targets"), ",")
		case o.kind == linkIndex:
			value = rapid.SampledFrom([]string{"", "eth0", "eth1"}).Draw(t, "link")
		case o.names != nil:
			value = rapid.SampledFrom(o.names).Draw(t, "name")
		default:
			value = strconv.Itoa(rapid.IntRange(o.min, o.max).Draw(t, "number"))
		}
		attr, err := o.encode(value, indexFor)
		if err != nil {
			t.Fatalf("encode %s of %s: %v", value, o.key, err)
		}
		read, err := parseAttributes(attr.Serialize())
		if err != nil {
			t.Fatal(err)
		}
		if got := o.decode(read[o.attr], nameOf); got != value {
			t.Fatalf("%s: %q came back as %q", o.key, value, got)
		}
	})
}

// The widths are those that the kernel's policy asks for; a wrong one is EINVAL.
func TestOptionTable(t *testing.T) {
	seen := make(map[uint16]string)
	for _, o := range options {
		if other, twice := seen[o.attr]; twice {
			t.Errorf("%s and %s share attribute %d", o.key, other, o.attr)
		}
		seen[o.attr] = o.key
		for _, name := range o.names {
			if o.unset == name {
				o.unset = ""
			}
		}
		if n, err := strconv.Atoi(o.unset); o.unset != "" && (err != nil || n < o.min || n > o.max) {
			t.Errorf("%s: default %q is not a value of it", o.key, o.unset)
		}
	}
}

func TestLinkMessageTooShort(t *testing.T) {
	if _, err := parseLink(make([]byte, unix.SizeofIfInfomsg-1)); err == nil {
		t.Error("no error")
	}
}

func FuzzParseLink(f *testing.F) {
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = 5
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("bond"))
	data := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
	data.AddRtAttr(1, nl.Uint8Attr(4))
	targets, err := findOption("arp_ip_targets").encode("10.0.0.1,10.0.0.2", nil)
	if err != nil {
		f.Fatal(err)
	}
	data.AddChild(targets)
	f.Add(append(append(msg.Serialize(), nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated("bond0")).Serialize()...), info.Serialize()...))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := parseLink(b)
		if err != nil {
			return
		}
		for _, o := range options {
			o.decode(l.data[o.attr], nameOf)
		}
		statusFrom(l.name, map[int]rawLink{l.index: l})
	})
}

func FuzzProcText(f *testing.F) {
	text, err := os.ReadFile("testdata/802.3ad")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Fuzz(func(t *testing.T, text string) {
		s := Status{Members: []MemberStatus{{Name: "eth0", LACP: &LACPMember{}}, {Name: "eth1"}}}
		addProc(&s, text)
	})
}
