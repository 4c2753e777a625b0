package sim

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestZZ(t *testing.T) {
	f, _ := os.Create("/tmp/trace.txt")
	t.Log(Run(Options{Seed: *seedFlag, Trace: f}))
	f.Close()
}

func TestYY(t *testing.T) {
	for name, r := range map[string]Rules{
		"DurableWithdrawal": {DurableWithdrawal: true}, "WithdrawalMajority": {WithdrawalMajority: true},
		"SendTime": {SendTime: true}, "EpochCheck": {EpochCheck: true}, "RestartWait": {RestartWait: true}, "Ceiling": {Ceiling: true},
		"ChangeWait": {ChangeWait: true}, "ConfigRefusal": {ConfigRefusal: true}, "Debts": {Debts: true}, "Slack": {Slack: true}, "SeqCheck": {SeqCheck: true}, "none": {},
	} {
		start := time.Now()
		n, other := 0, 0
		for seed := uint64(1); seed <= 500; seed++ {
			err := Run(Options{Seed: seed, Omit: r})
			var two *TwoHolders
			if errors.As(err, &two) {
				n++
			} else if err != nil {
				other++
			}
		}
		t.Logf("%s: two holders in %d of 500, other failures %d, %v", name, n, other, time.Since(start))
	}
}
