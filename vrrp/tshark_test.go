package vrrp_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vipd/vrrp"
	"vipd/vrrp/internal/lab"

	"github.com/google/go-cmp/cmp"
)

// TestTsharkUnderstandsUs gives our packets to Wireshark's decoder: it must read the same fields and find
// nothing malformed and no wrong checksum.
func TestTsharkUnderstandsUs(t *testing.T) {
	lab.Need(t, "tshark")
	var file bytes.Buffer
	writePcapHeader(&file)
	var want []string
	for _, tt := range golden {
		// Wireshark knows only the form with a pseudo-header for version 3, and expects the authentication
		// field in version 2 whatever carries it.
		if tt.advert.Version == vrrp.V3 && tt.wire.Checksum == vrrp.MessageOnly || tt.advert.Version == vrrp.V2 && tt.wire.Dst.Is6() {
			continue
		}
		b, err := tt.advert.Marshal(tt.wire)
		if err != nil {
			t.Fatal(err)
		}
		writePcapPacket(&file, ipPacket(tt.wire, b))
		want = append(want, fmt.Sprintf("%d|%d|%d|%d|1|", tt.advert.Version, tt.advert.VRID, tt.advert.Priority, len(tt.advert.Addresses)))
	}
	name := filepath.Join(t.TempDir(), "ours.pcap")
	if err := os.WriteFile(name, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("tshark", "-n", "-r", name, "-o", "ip.check_checksum:TRUE", "-T", "fields", "-E", "separator=|",
		"-e", "vrrp.version", "-e", "vrrp.virt_rtr_id", "-e", "vrrp.prio", "-e", "vrrp.addr_count",
		"-e", "vrrp.checksum.status", "-e", "_ws.expert.message").Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	// Newer versions of tshark print the name of status 1, "Good".
	got := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(out), "|Good|", "|1|")), "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("version|vrid|priority|addresses|checksum|complaints (-want +got):\n%s", diff)
	}
}

func writePcapHeader(w *bytes.Buffer) {
	const rawIP = 101 // LINKTYPE_RAW
	for _, v := range []any{uint32(0xa1b2c3d4), uint16(2), uint16(4), int32(0), uint32(0), uint32(65535), uint32(rawIP)} {
		_ = binary.Write(w, binary.LittleEndian, v) // a bytes.Buffer does not fail
	}
}

func writePcapPacket(w *bytes.Buffer, b []byte) {
	for _, v := range []uint32{0, 0, uint32(len(b)), uint32(len(b))} {
		_ = binary.Write(w, binary.LittleEndian, v) // a bytes.Buffer does not fail
	}
	w.Write(b)
}

// ipPacket puts an IP header in front of a message.
func ipPacket(w vrrp.Wire, msg []byte) []byte {
	if w.Dst.Is6() {
		h := []byte{0x60, 0, 0, 0, 0, byte(len(msg)), vrrp.Protocol, vrrp.TTL}
		return join(h, w.Src.AsSlice(), w.Dst.AsSlice(), msg)
	}
	h := join([]byte{0x45, 0xc0, 0, byte(20 + len(msg)), 0, 1, 0, 0, vrrp.TTL, vrrp.Protocol, 0, 0}, as4(w.Src), as4(w.Dst))
	var sum uint32
	for i := 0; i < len(h); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(h[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(h[10:], ^uint16(sum))
	return join(h, msg)
}

func as4(a netip.Addr) []byte { b := a.As4(); return b[:] }
