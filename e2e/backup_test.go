package e2e

import (
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/backup"
	"vipd/cluster/state"
	"vipd/e2e/harness"
)

// A backup brings back what was served when it was made. Who holds a group that stays goes on without a silence, also
// where its fencing token has to grow since the backup is of a cluster that was further.
func TestBackupAndRestore(t *testing.T) {
	s := form(t, 2)
	db := harness.Group("db", "10.9.0.60")
	s.apply(web, db)
	holder := s.holder("web")
	kept, err := s.leader().Client.Backup(s.wait(), api.BackupRequest{})
	s.must(err)
	text, err := kept.Marshal()
	s.must(err)

	t.Log("db is gone, mail is new, and the profile is another one")
	s.apply(web, harness.Group("mail", "10.9.0.61"))
	wan := state.WAN
	_, err = s.leader().Client.Profile(s.wait(), api.ProfileRequest{Set: &wan})
	s.must(err)

	w := s.watch(web4, web6)
	w.held("web", holder, web4, web6)
	at := time.Now()
	w.step("the backup is restored, on a node that does not lead")
	b, err := backup.Parse("backup", text)
	s.must(err)
	b.LastSerial = 5000 // as one of a cluster that was there before this one
	dry, err := s.follower().Client.Restore(s.wait(), api.RestoreRequest{Backup: b, DryRun: true})
	s.must(err)
	result, err := s.follower().Client.Restore(s.wait(), api.RestoreRequest{Backup: b})
	s.must(err)
	if dry.Diff.String() != result.Diff.String() || len(result.Diff.Groups) != 2 || result.Profile == nil || result.LastSerial != 5000 {
		t.Errorf("announced %+v, did %+v", dry, result)
	}
	w.held("web", holder, web4, web6)
	w.shorter(web4, at, undisturbed)
	status := s.status(s.leader())
	if *status.Profile != state.LAN {
		t.Errorf("profile %v", status.Profile)
	}
	for _, g := range status.Groups {
		if g.Name == "mail" || g.Holder == "" || g.Serial <= 5000 {
			t.Errorf("group %s of %s has serial %d", g.Name, g.Holder, g.Serial)
		}
	}
	again, err := s.leader().Client.Restore(s.wait(), api.RestoreRequest{Backup: b})
	s.must(err)
	if again.Diff.Changed || again.Profile != nil || again.LastSerial != 0 {
		t.Errorf("restored once more it changes %+v", again)
	}
}
