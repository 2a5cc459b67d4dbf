// A trace that ends while work is under way: a join that began in it, and one that was there before and is for ever.
package main

import (
	"sync"
	"time"

	"example.com/truth/kit"
)

// serve does what comes, as long as the program runs.
func serve(jobs chan int) {
	var loops sync.WaitGroup
	for n := 0; n < 2; n++ {
		loops.Add(1)
		go func() {
			defer loops.Done()
			for range jobs { //@ idle: nothing comes
			}
		}()
	}
	loops.Wait() //@ idle: it waits for the program's end
}

// compute is not done when the trace ends.
func compute() {
	var parts sync.WaitGroup
	for n := 0; n < 3; n++ {
		parts.Add(1)
		go func() {
			defer parts.Done()
			kit.Spin(time.Second)
		}()
	}
	parts.Wait() //@ through: it waits for what it started
}

func main() {
	go serve(make(chan int))
	time.Sleep(20 * time.Millisecond)
	end := kit.Start()
	go compute()
	time.Sleep(100 * time.Millisecond) //@ idle|unsure: the length of the run
	end()
}
