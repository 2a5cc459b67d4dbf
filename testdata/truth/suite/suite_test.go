// Package suite is tests of which one knows how long they take, and what for.
package suite

import (
	"fmt"
	"testing"
	"time"
)

const ms = time.Millisecond

func spin(d time.Duration) {
	for until := time.Now().Add(d); time.Now().Before(until); {
	}
}

// Begins when the tests below are done, beside the next one.
func TestParallel(t *testing.T) {
	t.Parallel()
	time.Sleep(50 * ms) //@ sleep 50
}

func TestParallelToo(t *testing.T) {
	t.Parallel()
	time.Sleep(70 * ms) //@ sleep 70
}

func TestSleeps(t *testing.T) {
	time.Sleep(60 * ms) //@ sleep 60
	time.Sleep(20 * ms)
}

func TestSpins(t *testing.T) {
	spin(80 * ms)
	time.Sleep(ms)
}

// Of the subtests only the function's name is known.
func TestSubtests(t *testing.T) {
	for n := 1; n <= 3; n++ {
		n := n
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			time.Sleep(time.Duration(n) * 10 * ms) //@ sleep 60
		})
	}
}

func answer() chan int {
	to := make(chan int)
	go func() {
		time.Sleep(40 * ms)
		to <- 42
	}()
	return to
}

func TestWaits(t *testing.T) {
	if got := <-answer(); got != 42 { //@ chan 40
		t.Error(got)
	}
}

func BenchmarkPauses(b *testing.B) {
	for i := 0; i < b.N; i++ {
		time.Sleep(2 * ms) //@ sleep 22: once, then ten times
	}
}
