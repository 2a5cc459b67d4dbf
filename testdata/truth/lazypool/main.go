// A pool whose workers are started with their first task, and kept: any of them answers whoever gives it one.
package main

import (
	"sync"
	"time"

	"example.com/truth/kit"
)

type task struct {
	ns   time.Duration
	done chan int
}

type worker chan *task

var (
	mu   sync.Mutex
	free []worker
)

func (w worker) run() {
	for t := range w { //@ idle: nothing to do
		time.Sleep(t.ns) //@ costly|unsure: the task, for which somebody waits
		mu.Lock()
		free = append(free, w)
		mu.Unlock()
		t.done <- 1
	}
}

func give(t *task) {
	mu.Lock()
	n := len(free)
	if n == 0 {
		mu.Unlock()
		w := make(worker, 1)
		w <- t
		go w.run()
		return
	}
	w := free[n-1]
	free = free[:n-1]
	mu.Unlock()
	w <- t
}

func client(wg *sync.WaitGroup, i int) {
	defer wg.Done()
	for n := 0; n < 25; n++ {
		t := &task{time.Duration(2+(n+i)%3) * time.Millisecond, make(chan int, 1)}
		give(t)
		<-t.done                         //@ through|costly: for its task
		time.Sleep(2 * time.Millisecond) //@ unsure|idle: thinks
	}
}

func main() {
	end := kit.Start()
	var wg sync.WaitGroup
	for i := 0; i < 4; i++ {
		wg.Add(1)
		go client(&wg, i)
	}
	wg.Wait() //@ through: for all clients
	end()
}
