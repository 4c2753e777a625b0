package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"vipd/e2e/lab"
)

// life is a package's: installed, used, upgraded, removed, installed again, purged. It runs in a copy of this machine
// that is thrown away, with no service manager in it. Each check says what is wrong and ends it.
const life = `
set -eu
wrong() { echo "wrong: $*" >&2; exit 1; }
mode() { [ "$(stat -c '%U:%G %a' "$1")" = "$2" ] || wrong "$1 is $(stat -c '%U:%G %a' "$1")"; }
dpkg -i /vipd.deb >/dev/null
mode /usr/sbin/vipd 'root:root 755'
mode /usr/sbin/vipctl 'root:root 755'
mode /etc/vipd/vipd.yaml 'root:root 644'
mode /etc/vipd/scripts 'root:root 755'
mode /usr/lib/systemd/system/vipd.service 'root:root 644'
[ "$(getent passwd vipd | cut -d: -f6,7)" = /var/lib/vipd:/usr/sbin/nologin ] || wrong "user: $(getent passwd vipd)"
[ -z "$(find /etc/systemd -name 'vipd*')" ] || wrong 'it is enabled'
[ ! -e /var/lib/vipd ] || wrong 'there are data of a daemon that never ran'
vipd --print-reference | cmp - /etc/vipd/vipd.yaml
vipctl status --help >/dev/null
man -w vipd vipctl >/dev/null || wrong 'no manual pages'
man vipctl 2>&1 | grep -q 'restart-hold DURATION' || wrong 'the manual page lacks commands'
bash -c '. /usr/share/bash-completion/completions/vipctl' || wrong 'the completion is broken'
dpkg -V vipd
! command -v systemd-analyze >/dev/null || systemd-analyze verify /usr/lib/systemd/system/vipd.service

echo 'realtime: false' >/etc/vipd/vipd.yaml
echo '#!/bin/sh' >/etc/vipd/scripts/mine
install -d -m 700 -o vipd -g vipd /var/lib/vipd
echo data >/var/lib/vipd/votes
dpkg -i --force-confdef /vipd.deb >/dev/null </dev/null
grep -q 'realtime: false' /etc/vipd/vipd.yaml || wrong 'an upgrade overwrote the node file'
[ -e /var/lib/vipd/votes ] || wrong 'an upgrade removed data'
dpkg -r vipd >/dev/null 2>&1
[ ! -e /usr/sbin/vipd ] || wrong 'removed, and there'
[ -e /var/lib/vipd/votes ] && [ -e /etc/vipd/vipd.yaml ] || wrong 'removing took what is the user'"'"'s'
dpkg -i /vipd.deb >/dev/null
grep -q 'realtime: false' /etc/vipd/vipd.yaml || wrong 'the node file was not kept'
rm /etc/vipd/scripts/mine
dpkg -P vipd >/dev/null 2>&1
for left in /etc/vipd /var/lib/vipd /usr/share/doc/vipd /usr/lib/systemd/system/vipd.service; do
	[ ! -e $left ] || wrong "purged, and $left is left"
done
! getent passwd vipd || wrong 'the user is left'
! getent group vipd || wrong 'the group is left'
! dpkg -s vipd >/dev/null 2>&1 || wrong 'dpkg knows it'
`

func TestPackage(t *testing.T) {
	lab.Require(t)
	packages, err := filepath.Glob(filepath.Join(os.Getenv("VIPD_BIN"), "vipd_*.deb"))
	if err != nil || len(packages) != 1 {
		const text = "there is no package; `make package` builds it"
		if os.Getenv("CI") == "true" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dir := t.TempDir()
	// The copy is an overlay in memory that ends with its mount namespace.
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "sh", "-euc", `
mount -t tmpfs copy "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay copy -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" "$1/root"
mount --rbind /proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
cp "$2" "$1/root/vipd.deb"
unshare --net chroot "$1/root" env LC_ALL=C MANPAGER=cat sh -c "$3"`, "-", dir, packages[0], life)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}
