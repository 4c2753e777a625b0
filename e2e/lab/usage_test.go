package lab

import "testing"

func TestUsageOf(t *testing.T) {
	if u, err := UsageOf(1); err != nil || u.CPU <= 0 || u.Age < u.CPU/1000 || u.RSS == 0 {
		t.Errorf("process 1 used %+v: %v", u, err)
	}
	if _, err := UsageOf(1 << 30); err == nil {
		t.Error("a process that cannot be was measured")
	}
}
