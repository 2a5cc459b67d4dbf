// A pool of workers in a test: `go test -trace`. Nothing of a test binary's main
// function is the program's own.
package pooltest

import (
	"sync"
	"testing"
	"time"

	"example.com/truth/kit"
)

// Pool runs what it is given, on its workers.
type Pool struct {
	jobs chan func()
}

// NewPool starts n workers.
func NewPool(n int) *Pool {
	p := &Pool{jobs: make(chan func())}
	for i := 0; i < n; i++ {
		go p.work()
	}
	return p
}

func (p *Pool) work() {
	for job := range p.jobs { //@ idle: waits for work
		job()
	}
}

// loop runs by the clock until it is stopped.
func loop(stop chan struct{}) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select { //@ idle: by the clock
		case <-tick.C:
		case <-stop:
			return
		}
	}
}

func TestPool(t *testing.T) {
	p := NewPool(4)
	stop := make(chan struct{})
	go loop(stop)
	for round := 0; round < 5; round++ {
		var wg sync.WaitGroup
		for i := 0; i < 2; i++ {
			wg.Add(1)
			p.jobs <- func() {
				defer wg.Done()
				kit.Spin(4 * time.Millisecond)
			}
		}
		wg.Wait() //@ through: waits for the work that it gave out
		time.Sleep(5 * time.Millisecond) //@ costly|unsure: the test takes as long
	}
	close(stop)
	close(p.jobs)
}
