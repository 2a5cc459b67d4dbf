//go:build go1.25

// Tests in bubbles of synctest: the bubble waits for those in it, which work, or for its clock.
package bubble

import (
	"testing"
	"testing/synctest"
	"time"
)

func work(n int, sums chan<- int) {
	sum := 0
	for begin := time.Now(); sum < n*1_500_000; sum++ {
		_ = begin
	}
	sums <- sum
}

func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { //@ through: for the bubble
		sums := make(chan int, 60)
		for n := 0; n < 60; n++ {
			go work(2, sums)
			synctest.Wait() //@ through: until the other one is done
		}
		if len(sums) != 60 {
			t.Fatal(len(sums))
		}
	})
}

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { //@ through: for the bubble
		sums := make(chan int, 40)
		for n := 0; n < 40; n++ {
			time.Sleep(time.Second) //@ none|idle|unsure|through|costly: the bubble's clock goes on at once
			work(1, sums)
		}
	})
}
