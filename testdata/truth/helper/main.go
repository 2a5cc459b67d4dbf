// A helper that receives, for those who want a token and for one whom nobody waits for.
package main

import (
	"sync"
	"time"

	"example.com/truth/kit"
)

var (
	tokens = make(chan struct{}, 1)
	chores = make(chan struct{})
)

func take[T any](c chan T) T {
	return <-c //@ costly|idle: mostly for a token
}

func work() {
	take(tokens)
	kit.Spin(time.Millisecond)
	tokens <- struct{}{} // the next one waits until here
}

// keep does chores when it is time for them: nobody is late for one.
func keep() {
	for {
		take(chores)
		kit.Spin(20 * time.Microsecond)
	}
}

func schedule() {
	for {
		time.Sleep(4 * time.Millisecond) //@ idle|unsure: by the clock
		chores <- struct{}{}             //@ none|idle: it is at once taken
	}
}

func main() {
	defer kit.Start()()
	go keep()
	go schedule()
	tokens <- struct{}{}
	var wg sync.WaitGroup
	for i := 0; i < 60; i++ {
		wg.Add(1)
		go func() { defer wg.Done(); work() }()
	}
	wg.Wait() //@ through|unsure: waits for the work that it started
}
