package quiet

import (
	"net/netip"
	"testing"
)

// Packets go to link-local addresses too, with the zone by name or by number.
func TestAddress(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1:7": "127.0.0.1:7", "[::ffff:127.0.0.1]:513": "127.0.0.1:513", "[::1]:65535": "[::1]:65535",
		"[fe80::1%lo]:7": "[fe80::1]:7", "[fe80::1%1]:7": "[fe80::1]:7",
	} {
		to := netip.MustParseAddrPort(text)
		zone, err := zoneOf(to.Addr())
		if wantZone := to.Addr().Zone() != ""; err != nil || (zone == 1) != wantZone {
			t.Errorf("%s: zone %d, %v", text, zone, err)
		}
		var raw address
		raw.set(to, zone)
		if got := raw.addrPort().String(); got != want {
			t.Errorf("%s came back as %s", text, got)
		}
	}
	if _, err := zoneOf(netip.MustParseAddr("fe80::1%none")); err == nil {
		t.Error("a zone that does not exist was taken")
	}
}
