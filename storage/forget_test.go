package storage

import (
	"os"
	"path/filepath"
	"testing"
)

// member makes the directory of a node that has joined, voted and replicated.
func member(t *testing.T) string {
	t.Helper()
	path := t.TempDir()
	d := open(t, path)
	v, r := openVotes(t, d), openStores(t, d)
	check(t, d.SaveIdentity(exampleIdentity()))
	check(t, v.Withdraw("b", 9))
	check(t, r.Stable.SetUint64([]byte("CurrentTerm"), 3))
	check(t, r.Close())
	check(t, v.Close())
	check(t, d.Close())
	return path
}

func requireForgotten(t *testing.T, d *Dir, old string) {
	t.Helper()
	if _, ok, err := d.Identity(); ok || err != nil {
		t.Errorf("identity: %v, %v", ok, err)
	}
	if has, err := openStores(t, d).HasState(); has || err != nil {
		t.Errorf("Raft's state: %v, %v", has, err)
	}
	diff(t, "withdrawn", map[string]uint64{}, openVotes(t, d).Withdrawn())
	if d.Instance() == old {
		t.Error("the instance is still the old one")
	}
}

func TestForgetCluster(t *testing.T) {
	d := open(t, member(t))
	old := d.Instance()
	check(t, d.ForgetCluster())
	requireForgotten(t, d, old)
}

// ForgetCluster is cut short after any number of its removals, in any order.
func TestForgetClusterCutShort(t *testing.T) {
	victims := []string{"identity", "raft", "votes", "instance"}
	for removed := range 1 << len(victims) {
		path := member(t)
		d := open(t, path)
		old := d.Instance()
		check(t, d.Close())
		check(t, os.WriteFile(filepath.Join(path, "forgetting"), nil, 0o600))
		for i, name := range victims {
			if removed&(1<<i) != 0 {
				check(t, os.RemoveAll(filepath.Join(path, name)))
			}
		}
		d = open(t, path)
		requireForgotten(t, d, old)
	}
}

// Leaving needs no space.
func TestForgetClusterOnFullDisk(t *testing.T) {
	disk := smallDisk(t, "2m")
	d := open(t, disk)
	old := d.Instance()
	check(t, d.SaveIdentity(exampleIdentity()))
	undo := fill(t, disk)
	check(t, d.ForgetCluster())
	undo()
	requireForgotten(t, d, old)
}
