// Package lease is the quorum lease: what permits a node to hold anything at all.
//
// A member asks every voter for a lease each renew interval. A voter that grants promises to let nobody
// else take over for a stated time; a majority of grants, counted from when the renewal was sent, is a
// lease. A voter whose promise lapsed withdraws the member's epoch: durably, for ever, and only then does
// it say so. A majority of withdrawals permits the leader to declare the epoch dead.
//
// Why two nodes never hold at once: let a member hold at some instant, and let its epoch be declared dead
// before that. A majority of voters granted, a majority withdrew, and the two share a voter, for the
// configurations they were counted by are at most one server apart (see ChangeGate). That voter's newest
// grant came before its withdrawal, since it grants a withdrawn epoch nothing; its promise outlasted the
// lease that the grant was counted for, since the promise began later, when the renewal arrived, and is
// longer; and it withdrew only after the promise. So the lease was over. No clock is compared with another
// machine's; only the rates at which clocks run are assumed to be within 1 % of each other.
//
// Holder, Voter, Tally and ChangeGate are machines without goroutine, clock, socket or disk. Each rule
// stands in one place with its reason beside it.
package lease
