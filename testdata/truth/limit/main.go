// Starts no more than three goroutines at a time: who would start the next one waits until one is done.
package main

import (
	"sync"
	"time"

	"example.com/truth/kit"
)

func main() {
	defer kit.Start()()
	var wg sync.WaitGroup
	limit := make(chan struct{}, 3)
	for i := 0; i < 60; i++ {
		limit <- struct{}{} //@ costly: three are at work
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() { <-limit }()
			time.Sleep(3 * time.Millisecond) //@ costly|unsure: stands for a call, and the place is taken meanwhile
		}()
	}
	wg.Wait() //@ through|none: waits for the last ones
}
