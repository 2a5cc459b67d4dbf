// What comes of something is told by closing a channel: futures of a pool, things that are made of other things, names
// that many ask for at once; and beside them a store that says so each time that something in it has changed.
package main

import (
	"sync"
	"time"

	"example.com/truth/kit"
)

type future struct {
	done  chan struct{}
	value int
}

func (f *future) get() int {
	<-f.done //@ through|costly: until the pool has done what was asked of it
	return f.value
}

type pool struct{ tasks chan func() }

func (p *pool) run() {
	for task := range p.tasks { //@ idle|unsure: nothing to do
		task()
	}
}

func (p *pool) ask(of int) *future {
	f := &future{done: make(chan struct{})}
	p.tasks <- func() {
		time.Sleep(4 * time.Millisecond) //@ costly: stands for the work; somebody waits for what comes of it
		f.value = of * 2
		close(f.done)
	}
	return f
}

type target struct {
	of   []*target
	done chan struct{}
}

func build(t *target, all *sync.WaitGroup) {
	defer all.Done()
	defer close(t.done)
	for _, of := range t.of {
		<-of.done //@ through|costly: until that is made of which it is made
	}
	kit.Spin(time.Millisecond)
	time.Sleep(3 * time.Millisecond) //@ costly: stands for the disk; others are made of it
}

type names struct {
	mu    sync.Mutex
	asked map[int]chan struct{}
}

func (n *names) look(name int) {
	n.mu.Lock()
	done, ok := n.asked[name]
	if !ok {
		done = make(chan struct{})
		n.asked[name] = done
		go n.load(done)
	}
	n.mu.Unlock()
	select { //@ through|costly: until the name is there
	case <-done:
	case <-time.After(15 * time.Millisecond):
	}
}

func (n *names) load(done chan struct{}) {
	time.Sleep(5 * time.Millisecond) //@ costly: stands for a server; many wait for the name
	close(done)
}

type store struct {
	mu      sync.Mutex
	changed chan struct{}
	set     chan int
}

func (s *store) run() {
	tick := time.NewTicker(11 * time.Millisecond)
	for {
		select { //@ idle: by the clock, or when something is set
		case <-s.set:
		case <-tick.C:
		}
		s.mu.Lock()
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
	}
}

func (s *store) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func follow(s *store) {
	for {
		<-s.next() //@ idle: until something has changed
		kit.Spin(20 * time.Microsecond)
	}
}

func admin(s *store) {
	for {
		time.Sleep(30 * time.Millisecond) //@ idle: by the clock
		s.set <- 1
	}
}

func main() {
	end := kit.Start()
	s := &store{changed: make(chan struct{}), set: make(chan int)}
	go s.run()
	go admin(s)
	for n := 0; n < 3; n++ {
		go follow(s)
	}

	p := &pool{tasks: make(chan func(), 64)}
	for n := 0; n < 2; n++ {
		go p.run()
	}
	var all sync.WaitGroup
	for n := 0; n < 2; n++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for k := 0; k < 60; k++ {
				a, b := p.ask(k), p.ask(k+1)
				kit.Spin(time.Duration(a.get()+b.get()) * time.Microsecond)
			}
		}()
	}

	var targets []*target
	for n := 0; n < 64; n++ {
		t := &target{done: make(chan struct{})}
		for k := 3; k >= 1; k-- {
			if k <= n {
				t.of = append(t.of, targets[n-k])
			}
		}
		targets = append(targets, t)
	}
	for _, t := range targets {
		all.Add(1)
		go build(t, &all)
	}

	known := &names{asked: map[int]chan struct{}{}}
	for n := 0; n < 4; n++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for k := 0; k < 40; k++ {
				known.look(k)
				kit.Spin(200 * time.Microsecond)
			}
		}()
	}
	all.Wait()                        //@ through: until all is done
	time.Sleep(20 * time.Millisecond) //@ none|idle|unsure: the store goes on
	end()
}
