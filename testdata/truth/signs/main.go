// Channels that are closed as a sign, and selects that meet.
package main

import (
	"sync"
	"time"

	"example.com/truth/kit"
)

// watch waits for the sign to end, once, and clears up.
func watch(wg *sync.WaitGroup, stop chan struct{}) {
	defer wg.Done()
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	select { //@ idle: nothing is to be done
	case <-tick.C:
	case <-stop:
	}
	kit.Spin(2 * time.Millisecond)
}

// hand offers what it has made until somebody takes it.
func hand(out chan int, quit chan struct{}) {
	kit.Spin(100 * time.Microsecond)
	select { //@ costly: the one that takes it is busy
	case out <- 1:
	case <-quit:
	}
}

func main() {
	end := kit.Start()
	quit := make(chan struct{})
	for i := 0; i < 3; i++ {
		var watchers sync.WaitGroup
		stop, out := make(chan struct{}), make(chan int)
		for j := 0; j < 4; j++ {
			watchers.Add(1)
			go watch(&watchers, stop)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for n := 0; n < 8; n++ {
				select { //@ idle|unsure|through|none: nothing is made yet
				case <-out:
					kit.Spin(3 * time.Millisecond)
				case <-quit:
				}
			}
		}()
		for n := 0; n < 8; n++ {
			go hand(out, quit)
		}
		<-done //@ through: waits for what it started
		close(stop)
		watchers.Wait() //@ through|none: they clear up
	}
	end()
}
