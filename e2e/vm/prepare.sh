#!/bin/sh
# Gets what the virtual-machine tests need: qemu (installed with apt-get) and
# Debian's stock cloud kernel with its modules (unpacked below .cache/vm/ at the
# repository root; nothing of it is installed on this host). Needs Debian or a
# relative of it, amd64, and root for the installing. Running it again is cheap
# and changes nothing.
set -eu

die() {
	echo "e2e/vm/prepare.sh: $*" >&2
	exit 1
}

root=$(cd "$(dirname "$0")/../.." && pwd)
cache=$root/.cache/vm
[ "$(uname -m)" = x86_64 ] || die "needs an x86_64 host, this is $(uname -m)"
command -v apt-get >/dev/null || die "needs apt-get and dpkg-deb (Debian or a relative)"

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

updated=
update() {
	[ -n "$updated" ] || apt-get update -qq >"$cache/apt.log" 2>&1 || die "apt-get update: see $cache/apt.log"
	updated=yes
}

if ! command -v qemu-system-x86_64 >/dev/null; then
	[ "$(id -u)" = 0 ] || die "qemu-system-x86_64 is missing: run this as root, or install qemu-system-x86"
	update
	apt-get install -y -qq --no-install-recommends qemu-system-x86 >"$cache/apt.log" 2>&1 ||
		die "install qemu-system-x86: see $cache/apt.log"
fi

[ ! -s "$cache/kernel/version" ] || exit 0

package() {
	apt-cache depends linux-image-cloud-amd64 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1
}
name=$(package)
if [ -z "$name" ]; then
	update
	name=$(package)
fi
[ -n "$name" ] || die "no package linux-image-cloud-amd64 known to apt"

work=$cache/new
rm -rf "$work" "$cache/kernel"
mkdir -p "$work"
cd "$work"
# apt drops to the user _apt for a download, who must be able to write here.
chmod 777 "$work"
if ! apt-get download "$name" >"$cache/apt.log" 2>&1; then
	update
	apt-get download "$name" >"$cache/apt.log" 2>&1 || die "download $name: see $cache/apt.log"
fi
dpkg-deb -x "$work"/linux-image-*.deb "$work" || die "unpack $name"
rm -f "$work"/*.deb
chmod 755 "$work"
cp "$work"/boot/vmlinuz-* "$work/vmlinuz"
find "$work/lib/modules" -name '*.ko.xz' -exec xz -d {} +
ls "$work/lib/modules" >"$work/version"
mv "$work" "$cache/kernel"
