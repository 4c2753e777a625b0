package gossip

import (
	"bytes"
	"testing"
)

// FuzzOpen: nothing that was not sealed is opened, and nothing is kept of whoever sent it.
func FuzzOpen(f *testing.F) {
	from := sealerOf(f, 7, "one")
	f.Add([]byte{}, false)
	f.Add([]byte("v"), false)
	f.Add(from.seal([]byte("renewal")), false)
	f.Add([]byte("renewal"), true)
	f.Fuzz(func(t *testing.T, data []byte, seal bool) {
		to := sealerOf(t, 7, "one")
		if !seal {
			if _, err := to.open(nil, data, someHost); err == nil && !bytes.Equal(data[1:1+saltSize], from.salt[:]) {
				t.Fatalf("opened %x, which nobody sealed", data)
			} else if err != nil && len(to.known) > 0 {
				t.Fatalf("something is kept of a stranger who sent %x", data)
			}
			return
		}
		if got, err := to.open(nil, from.seal(data), someHost); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("sealed %x, opened %x, %v", data, got, err)
		}
	})
}
