package vrrp_test

import (
	"testing"

	"vipd/vrrp"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse: no input makes Parse panic, and what it accepts survives marshalling and parsing again.
func FuzzParse(f *testing.F) {
	for _, tt := range golden {
		f.Add(tt.bytes, tt.wire.Dst.Is6(), uint8(tt.wire.Checksum))
		f.Add(join(tt.bytes, make([]byte, 2)), tt.wire.Dst.Is6(), uint8(vrrp.Either))
	}
	f.Add([]byte{0x31, 1, 1, 0, 0xff, 0xff, 0, 0}, true, uint8(0)) // reserved bits set
	f.Fuzz(func(t *testing.T, b []byte, six bool, form uint8) {
		w := wire4
		if six {
			w = wire6
		}
		w.Checksum = vrrp.Checksum(form % 3)
		first, err := vrrp.Parse(b, w)
		if err != nil {
			if vrrp.ReasonOf(err) == "" {
				t.Fatalf("the error has no reason: %v", err)
			}
			return
		}
		again, err := first.Marshal(w)
		if err != nil {
			t.Fatalf("parsed %v and could not marshal it: %v", first, err)
		}
		second, err := vrrp.Parse(again, w)
		if err != nil {
			t.Fatalf("own packet %x: %v", again, err)
		}
		if diff := cmp.Diff(first, second, equalAddr); diff != "" {
			t.Fatalf("changed on the way (-first +second):\n%s", diff)
		}
	})
}
