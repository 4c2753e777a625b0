package sim

// Rules names safety rules to leave out, to see that the simulator notices. The machines themselves know
// nothing of this: the nodes around them withhold or falsify what a rule needs.
type Rules struct {
	DurableWithdrawal  bool // withdrawals are announced without being written down
	WithdrawalMajority bool // one withdrawal is enough to declare an epoch dead
	SendTime           bool // a lease is counted from when the grant arrived
	EpochCheck         bool // voters grant every epoch of a member
	RestartWait        bool // a voter that just started withdraws by what it remembers, which is nothing
	Ceiling            bool // a voter that just started does not know how long a lease it may have granted
	ChangeWait         bool // changes of voters follow each other at once
	ConfigRefusal      bool // voters do not care what configuration a member counts by
	Debts              bool // a new holder does not wait for the former one to let go
	Slack              bool // the promise is as long as the lease: no margin, nothing for clock rates
	LongPromise        bool // a voter lowers its ceiling although a promise of a long lease goes on
	LongAnnounced      bool // a long lease is asked for before the state knows of it
	LongCounted        bool // changes of voters are as far apart as usual while there is a long lease
	LongEnd            bool // they are again as soon as it is written off
	HeirIndex          bool // who goes on with a lease acts on states older than its predecessor did
	SeqCheck           bool // voters grant renewals that they have seen before
}
