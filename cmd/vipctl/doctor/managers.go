package doctor

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// managers looks for programs that take addresses off interfaces which they did not put there.
func (h Host) managers(context.Context) []Finding {
	var found []Finding
	for _, link := range h.links() {
		ifi, err := net.InterfaceByName(link)
		if err != nil {
			continue
		}
		if h.networkd(ifi.Index) {
			found = append(found, Finding{Warning, "systemd-networkd", fmt.Sprintf("systemd-networkd configures %s: when it is restarted or the link comes back, "+
				"it removes addresses that it does not know, until vipd puts them back", link),
				"say KeepConfiguration=static under [Network] in the .network file of " + link + " (systemd.network(5)), then: networkctl reload"})
		}
		if h.networkManager(ifi.Index) {
			found = append(found, Finding{Warning, "NetworkManager", fmt.Sprintf("NetworkManager configures %s: when it activates the connection anew, "+
				"it removes addresses that it does not know, until vipd puts them back", link),
				fmt.Sprintf("printf '[keyfile]\\nunmanaged-devices+=interface-name:%s\\n' >/etc/NetworkManager/conf.d/vipd.conf && nmcli general reload, "+
					"where something else can configure %s", link, link)})
		}
	}
	return found
}

// networkd reports whether systemd-networkd configures a link, and does not keep what others do.
func (h Host) networkd(index int) bool {
	state := keys(filepath.Join(h.Root, "run/systemd/netif/links", fmt.Sprint(index)))
	if state["ADMIN_STATE"] == "" || state["ADMIN_STATE"] == "unmanaged" {
		return false
	}
	files := []string{filepath.Join(h.Root, state["NETWORK_FILE"])}
	for _, dir := range []string{"etc", "run", "usr/lib"} {
		dropins, err := filepath.Glob(filepath.Join(h.Root, dir, "systemd/network", filepath.Base(state["NETWORK_FILE"])+".d", "*.conf"))
		if err == nil {
			files = append(files, dropins...)
		}
	}
	for _, file := range files {
		if keep := keys(file)["KeepConfiguration"]; keep == "yes" || keep == "static" {
			return false
		}
	}
	return true
}

// networkManager reports whether NetworkManager configures a link.
func (h Host) networkManager(index int) bool {
	return keys(filepath.Join(h.Root, "run/NetworkManager/devices", fmt.Sprint(index)))["managed"] == "true"
}

// keys reads lines KEY=VALUE; a file that is not there has none.
func keys(file string) map[string]string {
	found := map[string]string{}
	text, err := os.ReadFile(file)
	if err != nil {
		return found
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			found[key] = value
		}
	}
	return found
}
