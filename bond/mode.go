package bond

import "slices"

// Mode is a bonding mode, numbered as the kernel does (IFLA_BOND_MODE).
type Mode uint8

// The modes of the bonding driver.
const (
	BalanceRR Mode = iota
	ActiveBackup
	BalanceXOR
	Broadcast
	LACP // 802.3ad
	BalanceTLB
	BalanceALB
)

var modeNames = []string{"balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"}

// String returns the kernel's name of the mode.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return "unknown mode"
}

// ParseMode finds a mode by the kernel's name.
func ParseMode(name string) (Mode, bool) {
	i := slices.Index(modeNames, name)
	return Mode(max(i, 0)), i >= 0
}

// hasActiveMember reports whether one member is the active one in this mode.
func (m Mode) hasActiveMember() bool { return withActive.has(m) }

// modeSet is a set of modes, one bit each.
type modeSet uint8

const (
	anyMode    modeSet = 1<<7 - 1
	withActive modeSet = 1<<ActiveBackup | 1<<BalanceTLB | 1<<BalanceALB
	withARP    modeSet = anyMode &^ (1<<LACP | 1<<BalanceTLB | 1<<BalanceALB)
	withIdle   modeSet = withActive | 1<<LACP // members may be up and yet unused
	withHash   modeSet = 1<<BalanceXOR | 1<<LACP | 1<<BalanceTLB
)

func (s modeSet) has(m Mode) bool { return s&(1<<m) != 0 }

// names lists the modes of the set.
func (s modeSet) names() []string {
	var names []string
	for m, name := range modeNames {
		if s.has(Mode(m)) {
			names = append(names, name)
		}
	}
	return names
}
