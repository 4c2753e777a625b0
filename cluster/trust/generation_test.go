package trust

import (
	"errors"
	"testing"
)

// A node learns which cluster another one belongs to if that has the secret, or one that came after it; a stranger can say
// what it will. By that a member of a recovered cluster's former generation learns that it is one.
func TestAnotherClusterIsToldByTheSecretAlone(t *testing.T) {
	first, second := NewSecret(), NewSecret()
	rotated := credentials(t, "c1-g2-00", "new", second)
	check(t, rotated.SetFormer(formerly(t, first, second)))
	thief := credentials(t, "c1-g2-00", "thief", NewSecret())
	check(t, thief.SetFormer(formerly(t, first, second)))
	for what, c := range map[string]struct {
		other *Credentials
		told  bool
	}{
		"the same secret":                 {credentials(t, "c1-g2-00", "new", first), true},
		"one that came after it":          {rotated, true},
		"a stranger":                      {credentials(t, "c1-g2-00", "new", NewSecret()), false},
		"one with the public links alone": {thief, false},
	} {
		_, err := greeting(t, credentials(t, "c1", "old", first), startEcho(t, c.other), "", rpcProto)
		var wrong *WrongClusterError
		if told := errors.As(err, &wrong); err == nil || told != c.told || told && (wrong.Peer != "c1-g2-00" || !errors.Is(err, ErrWrongCluster)) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
