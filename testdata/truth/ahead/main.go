// Things that are made ahead, and things that are handed over by somebody who was started for that alone.
package main

import (
	"os"
	"sync"
	"time"

	"example.com/truth/kit"
)

var (
	ids    = make(chan int, 2)
	events = make(chan int)
	parts  = make(chan int)
)

// number makes numbers, ahead of who wants one.
func number() {
	for id := 0; ; id++ {
		ids <- id //@ idle|unsure: there are enough
	}
}

func newID() int { return <-ids }

// work takes a number for each piece, and is busy with that.
func work(dir string, done *sync.WaitGroup) {
	defer done.Done()
	for n := 0; n < 30; n++ {
		newID()
		kit.Spin(time.Millisecond)
		os.WriteFile(dir+"/piece", make([]byte, 1000), 0o600)
		if n%10 == 0 {
			go tell(n)
		}
	}
}

// tell hands over what has happened.
func tell(n int) {
	events <- n //@ idle|unsure: whoever started it did not want to wait
}

// count goes over what has happened, in its own time.
func count() {
	for range events {
		for n := 0; n < 4; n++ {
			kit.Spin(2 * time.Millisecond)
			os.Getwd()
		}
	}
}

// cut makes parts, one after the other.
func cut() {
	for n := 0; n < 20; n++ {
		kit.Spin(50 * time.Microsecond)
		parts <- n //@ costly: who takes them is slow
	}
	close(parts)
}

// join takes part after part, and is busy with each.
func join(dir string) {
	for range parts {
		kit.Spin(time.Millisecond)
		os.WriteFile(dir+"/part", make([]byte, 1000), 0o600)
	}
}

func main() {
	dir, err := os.MkdirTemp("", "ahead")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	end := kit.Start()
	go number()
	go count()
	var done sync.WaitGroup
	done.Add(3)
	go work(dir, &done)
	go cut()
	go func() { defer done.Done(); join(dir) }()
	go work(dir, &done)
	done.Wait() //@ through: waits for what it started
	end()
}
