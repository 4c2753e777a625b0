package gossip

import (
	"bytes"
	"testing"
)

// FuzzOpen: nothing that was not sealed with the cluster's key is opened, and nothing is kept of whoever sent it.
func FuzzOpen(f *testing.F) {
	f.Add([]byte{}, false)
	f.Add([]byte("v"), false)
	f.Add(sealerOf(f, 7, "one").seal([]byte("renewal")), false)
	f.Add([]byte("renewal"), true)
	f.Fuzz(func(t *testing.T, data []byte, seal bool) {
		to := sealerOf(t, 8, "one")
		if !seal {
			if _, err := to.open(nil, data, someHost); err == nil || len(to.known) > 0 {
				t.Fatalf("%v, something is kept of a stranger who sent %x", err, data)
			}
			return
		}
		if got, err := to.open(nil, sealerOf(t, 8, "one").seal(data), someHost); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("sealed %x, opened %x, %v", data, got, err)
		}
	})
}
