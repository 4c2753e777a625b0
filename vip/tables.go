package vip

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// tableFiles are where iproute2 finds the names of routing tables, of which later ones overrule.
var tableFiles = []string{
	"usr/share/iproute2/rt_tables", "usr/lib/iproute2/rt_tables", "usr/share/iproute2/rt_tables.d/*.conf",
	"etc/iproute2/rt_tables", "etc/iproute2/rt_tables.d/*.conf",
}

// Tables returns the routing tables of a host by their names, as ip(8) there knows them. root is what its files are below. A
// file that cannot be read names none.
func Tables(root string) map[string]uint32 {
	tables := map[string]uint32{}
	for _, pattern := range tableFiles {
		files, _ := filepath.Glob(filepath.Join(root, pattern)) // the patterns are right
		slices.Sort(files)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				continue
			}
			lines := bufio.NewScanner(strings.NewReader(string(text)))
			for lines.Scan() {
				line, _, _ := strings.Cut(lines.Text(), "#")
				words := strings.Fields(line)
				if len(words) < 2 {
					continue
				}
				if n, err := strconv.ParseUint(words[0], 0, 32); err == nil {
					tables[words[1]] = uint32(n)
				}
			}
		}
	}
	return tables
}
