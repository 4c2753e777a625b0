package main

import "fmt"

// target is what vipd is meant to reach: the median and the worst of the client's silence, in milliseconds.
type target struct {
	system        string
	role          role
	fault         fault
	median, worst float64 // worst 0: none is set
}

// targets are the design's. A killed or stopped holder is to be as quick as a cut cable.
var targets = []target{
	{vipdLAN.name, follower, cutFault, 300, 400},
	{vipdLAN.name, leader, cutFault, 300, 450},
	{vipdLAN.name, follower, killFault, 300, 400},
	{vipdLAN.name, leader, killFault, 300, 450},
	{vipdLAN.name, follower, freezeFault, 300, 400},
	{vipdLAN.name, leader, freezeFault, 300, 450},
	{vipdLAN.name, follower, stopFault, 3, 10},
	{vipdLAN.name, leader, stopFault, 3, 10},
	{vipdLAN.name, follower, moveFault, 3, 10},
	{vipdLAN.name, leader, moveFault, 3, 10},
	{vipdFast.name, follower, cutFault, 35, 0},
	{vipdFast.name, leader, cutFault, 45, 0},
	{vipdFast.name, follower, stopFault, 3, 10},
	{vipdFast.name, leader, stopFault, 3, 10},
	{vipdFast.name, follower, moveFault, 3, 10},
	{vipdFast.name, leader, moveFault, 3, 10},
}

func (r *Report) targetTable() *table {
	t := &table{head: []string{"system", "holder", "fault", "n", "median ms", "target", "worst ms", "target", "reached"}}
	for _, g := range targets {
		for _, s := range r.find("failover") {
			if s.System == g.system && s.Role == g.role && s.Fault == g.fault && len(s.Trials) > 0 {
				t.add(g.system, string(g.role), string(g.fault), s.count(), number(s.Summary.Median), limit(g.median),
					number(s.Summary.Worst), limit(g.worst), g.verdict(s.Summary))
			}
		}
	}
	return t
}

func (g target) verdict(s Summary) string {
	switch {
	case s.Doubles+s.DoublesAfter > 0:
		return "no: two answered"
	case s.Median > g.median:
		return "no: the median"
	case g.worst > 0 && s.Worst > g.worst:
		return "no: the worst"
	}
	return "yes"
}

func limit(v float64) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf("≤ %.0f", v)
}
