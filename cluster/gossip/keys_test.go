package gossip

import (
	"bytes"
	"testing"
)

func keyOf(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// While keys are exchanged one after the other, nothing is lost; what was sealed with a key that is dropped says nothing.
func TestKeysAreExchanged(t *testing.T) {
	a, b := sealerOf(t, 7, "one"), sealerOf(t, 7, "one")
	says := func(from, to *sealer, heard bool) {
		t.Helper()
		got, err := to.open(nil, from.seal([]byte("renewal")), someHost)
		if heard && (err != nil || string(got) != "renewal") || !heard && err == nil {
			t.Errorf("heard %q, %v; want it heard: %v", got, err, heard)
		}
	}
	both := func() { t.Helper(); says(a, b, true); says(b, a, true) }
	set := func(s *sealer, keys ...byte) {
		t.Helper()
		var all [][]byte
		for _, k := range keys {
			all = append(all, keyOf(k))
		}
		check(t, s.set(all))
	}
	both()
	recorded := a.seal([]byte("recorded"))
	set(a, 7, 8)
	both()
	set(b, 7, 8)
	both()
	set(a, 8, 7)
	both()
	set(b, 8, 7)
	both()
	set(a, 8)
	both()
	set(b, 8)
	both()
	old := sealerOf(t, 7, "one")
	says(old, a, false)
	says(a, old, false)
	if _, err := b.open(nil, recorded, someHost); err == nil {
		t.Error("what was sealed with the dropped key is opened")
	}
}

// memberlist and datagrams go on while two members exchange the key, and a third with the old one is not heard any more.
func TestMembersExchangeTheKey(t *testing.T) {
	a, b := start(t, "a", 1, nil), start(t, "b", 2, nil)
	check(t, a.Join([]string{b.address}))
	old, next := key, keyOf(9)
	steps := [][][]byte{{old, next}, {next, old}, {next}}
	for _, keys := range steps {
		for _, n := range []*node{a, b} {
			check(t, n.SetKeys(keys[0], keys[1:]...))
			a.talks(b, []byte("renewal"))
			b.talks(a, []byte("grant"))
		}
	}
	check(t, a.Join([]string{b.address}))
	stranger := start(t, "stranger", 3, nil)
	if err := stranger.Join([]string{a.address}); err == nil {
		t.Error("a node with the old key joins")
	}
	late := start(t, "late", 4, func(o *Options) { o.Key, o.Also = old, [][]byte{next} })
	check(t, late.SetKeys(next))
	check(t, late.Join([]string{a.address}))
}
