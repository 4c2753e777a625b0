// Package keepalived reads keepalived's configuration files and says what they mean in vipd's terms.
//
// It happens in two steps. Read makes a Config of one file and what it includes, as keepalived 2.2 would
// read it, and lists every directive it saw. Translate merges the Configs of several nodes into a Result,
// and reports what became of every directive: kept, translated, not needed, or unsupported. Nothing is
// dropped silently.
//
// A mistake that keepalived only complains about and works around is a warning, and handled as keepalived
// does. One that leaves an instance or an address out, or that makes the file unreadable, refuses the file.
package keepalived
