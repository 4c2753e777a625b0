// Package hooks runs a group's scripts on a node when the node becomes the group's holder, ceases to be it, cannot be it,
// or has to do with it no more: keepalived's notify scripts.
//
// The scripts of one group run one after the other, in the order of what happened, never two at once. What waits while a
// script runs is the newest role alone: a node that was MASTER and BACKUP meanwhile runs the scripts of what it is
// in the end, or none if that is what it was told last. So scripts that take long cannot pile up, and the last script that
// ran always says what the node is. Nothing in vipd waits for a script, except the daemon's end.
package hooks
