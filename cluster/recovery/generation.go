package recovery

import (
	"fmt"
	"strconv"
	"strings"
)

// A recovered cluster has a new id: that of the founded one, the number of its generation, and something random, by which
// two that were recovered apart from each other are told apart. The id is in each certificate, in gossip's label and in
// the keys of datagrams, so members of different generations cannot vote for, lease to, or commit with each other.

// mark is between the founded cluster's id, which is a hexadecimal number, and what follows.
const mark = "-g"

// Next is the id of the generation after a cluster's.
func Next(cluster, random string) string {
	base, generation := Generation(cluster)
	return fmt.Sprintf("%s%s%d-%s", base, mark, generation+1, random)
}

// Generation takes a cluster's id apart: that of the cluster that was founded, and how often it was recovered, plus 1.
func Generation(cluster string) (base string, generation int) {
	base, rest, recovered := strings.Cut(cluster, mark)
	number, _, _ := strings.Cut(rest, "-")
	n, err := strconv.Atoi(number)
	if !recovered || err != nil || n < 2 {
		return cluster, 1
	}
	return base, n
}

// Supersedes reports whether one id is of a later generation of the same cluster as another.
func Supersedes(later, earlier string) bool {
	base, n := Generation(later)
	founded, old := Generation(earlier)
	return base == founded && n > old
}
