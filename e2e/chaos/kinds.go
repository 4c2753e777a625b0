package main

import "time"

// aim is whom a kind of fault is for.
type aim int

const (
	atNode aim = iota
	atLeader
	atPeer
	atSides   // the network between groups of hosts
	atCluster // a command of an operator
	atNext    // the node whose turn it is to be upgraded
)

// kind is a way to disturb.
type kind struct {
	name string
	aims aim
	// part is what it has of its target for itself, so that one mending does not undo another fault.
	part string
	// disables says that its target counts for no majority meanwhile.
	disables bool
	// fewer says that fewer members vote, then and for a while.
	fewer bool
	// weight is how often it is drawn, compared with others; 0: it is never drawn, see [planner.upgrades].
	weight int
	// values is how many values a fault of this kind may have, from 1; 0: it has none.
	values      int
	least, most time.Duration
}

// kinds are all of them. What is done and undone by name is in executors.
var kinds = []kind{
	{name: "kill -9", aims: atNode, part: "process", disables: true, weight: 8, least: 200 * ms, most: 6 * second},
	{name: "kill -9 of who leads", aims: atLeader, part: "process", disables: true, weight: 5, least: 200 * ms, most: 4 * second},
	{name: "SIGSTOP", aims: atNode, part: "process", disables: true, weight: 8, least: 300 * ms, most: 5 * second},
	{name: "planned restart", aims: atNode, part: "process", disables: true, weight: 4, least: 300 * ms, most: 2 * second},
	{name: "restart under a hold", aims: atNode, part: "process", disables: true, weight: 3, least: 300 * ms, most: 2 * second},
	{name: "leave and join", aims: atNode, part: "process", disables: true, fewer: true, weight: 4, least: 2 * second, most: 8 * second},
	{name: "cable cut", aims: atNode, part: "cable", disables: true, weight: 5, least: 200 * ms, most: 6 * second},
	{name: "cable pulled", aims: atNode, part: "cable", disables: true, weight: 5, least: 200 * ms, most: 6 * second},
	{name: "hears nothing", aims: atNode, part: "cable", disables: true, weight: 4, least: 200 * ms, most: 5 * second},
	{name: "is not heard", aims: atNode, part: "cable", disables: true, weight: 4, least: 200 * ms, most: 5 * second},
	{name: "loses frames", aims: atNode, part: "cable", weight: 4, values: 300, least: second, most: 8 * second},
	{name: "narrow cable", aims: atNode, part: "cable", weight: 3, least: second, most: 6 * second},
	{name: "delay", aims: atNode, part: "cable", weight: 3, values: 200, least: second, most: 8 * second},
	{name: "frames overtake", aims: atNode, part: "cable", weight: 2, values: 400, least: second, most: 8 * second},
	{name: "frames come twice", aims: atNode, part: "cable", weight: 2, values: 500, least: second, most: 8 * second},
	{name: "partition", aims: atSides, part: "network", weight: 8, least: 300 * ms, most: 8 * second},
	{name: "full disk", aims: atNode, part: "disk", disables: true, weight: 4, least: second, most: 6 * second},
	{name: "drain", aims: atNode, part: "drain", weight: 4, least: second, most: 6 * second},
	{name: "move", aims: atNode, part: "move", weight: 6, values: 60, least: 500 * ms, most: second},
	{name: "learner", aims: atNode, part: "role", fewer: true, weight: 2, least: 2 * second, most: 8 * second},
	{name: "three voters", aims: atCluster, part: "voters", fewer: true, weight: 2, least: 3 * second, most: 10 * second},
	{name: "pause", aims: atCluster, part: "pause", weight: 2, least: second, most: 4 * second},
	{name: "profile wan", aims: atCluster, part: "profile", weight: 2, least: 2 * second, most: 8 * second},
	{name: "secret rotated", aims: atCluster, part: "secret", weight: 2, least: 2 * second, most: 6 * second},
	{name: "upgrade", aims: atNext, part: "process", disables: true, values: int(upgradeWays), least: second, most: 3 * second},
	{name: "downgrade", aims: atNext, part: "process", disables: true, values: int(downgradeWays), least: 2 * second, most: 5 * second},
	{name: "keepalived killed", aims: atPeer, part: "process", weight: 3, least: 500 * ms, most: 6 * second},
	{name: "keepalived stopped", aims: atPeer, part: "process", weight: 3, least: 500 * ms, most: 6 * second},
	{name: "peer's cable cut", aims: atPeer, part: "cable", weight: 3, least: 500 * ms, most: 6 * second},
}

const (
	ms     = time.Millisecond
	second = time.Second
)
