package boottime

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestTimer(t *testing.T) {
	timer, err := NewTimer()
	if err != nil {
		t.Fatal(err)
	}
	fired, ended := make(chan int64), make(chan struct{})
	go func() {
		defer close(ended)
		timer.Wait(func() { fired <- Now() })
	}()
	set := func(at int64) {
		t.Helper()
		if err := timer.Set(at); err != nil {
			t.Fatal(err)
		}
	}
	fires := func(name string, notBefore int64) {
		t.Helper()
		select {
		case at := <-fired:
			if at < notBefore {
				t.Fatalf("%s: %v early", name, time.Duration(notBefore-at))
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: does not fire", name)
		}
	}
	at := Now() + int64(3*time.Millisecond)
	set(at)
	fires("soon", at)
	set(Now() - int64(time.Hour))
	fires("in the past", 0)
	set(0)
	fires("at the beginning of time", 0)
	set(Now() + int64(time.Hour))
	at = Now() + int64(time.Millisecond)
	set(at)
	fires("set anew", at)

	set(Now() + int64(time.Hour))
	if err := timer.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("Wait does not end")
	}
	if err := timer.Set(1); !errors.Is(err, os.ErrClosed) {
		t.Fatalf("set when it is closed: %v", err)
	}
}
