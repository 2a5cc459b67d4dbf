// Two may read at once: a channel of two places. Who wants in is a request's goroutine or one that a request
// started, so that places are given back to goroutines of another kind.
package main

import (
	"sync"
	"time"

	"example.com/truth/kit"
)

var places = make(chan struct{}, 2)

func read() {
	places <- struct{}{} //@ costly: both places are taken
	defer func() { <-places }()
	time.Sleep(3 * time.Millisecond) //@ costly|unsure: with a place, and others wait for one
}

func request(wg *sync.WaitGroup) {
	defer wg.Done()
	for n := 0; n < 8; n++ {
		read()
		var ahead sync.WaitGroup
		ahead.Add(2)
		for n := 0; n < 2; n++ {
			go func() {
				defer ahead.Done()
				read()
			}()
		}
		ahead.Wait() //@ through: for what it started
	}
}

func main() {
	end := kit.Start()
	var wg sync.WaitGroup
	for n := 0; n < 4; n++ {
		wg.Add(1)
		go request(&wg)
	}
	wg.Wait() //@ through: for all requests
	end()
}
