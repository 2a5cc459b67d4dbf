// What looks like a question, or like listening, and is none: who joins a hub once; all that look at what one of them
// keeps up to date; and workers that ask a server for each job, until they are told to stop.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"example.com/truth/kit"
)

type hub struct {
	join chan chan int
	all  []chan int
}

func (h *hub) run() {
	kit.Spin(300 * time.Microsecond)
	beat := time.NewTicker(20 * time.Millisecond)
	for {
		select { //@ idle|unsure: by the clock
		case c := <-h.join:
			h.all = append(h.all, c)
		case <-beat.C:
			for _, c := range h.all {
				c <- 1
			}
		}
	}
}

func member(h *hub) {
	c := make(chan int, 4)
	h.join <- c   //@ none|costly|idle|unsure: the hub is not there yet
	for range c { //@ idle: until the hub tells something
		kit.Spin(20 * time.Microsecond)
	}
}

type board struct {
	mu   sync.Mutex
	once sync.Once
	next chan struct{}
}

func (b *board) changed() <-chan struct{} {
	b.once.Do(func() { go b.follow() })
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.next
}

func (b *board) follow() {
	for {
		time.Sleep(15 * time.Millisecond) //@ idle: by the clock
		b.mu.Lock()
		close(b.next)
		b.next = make(chan struct{})
		b.mu.Unlock()
	}
}

func look(b *board) {
	for {
		<-b.changed() //@ idle: until something has changed
		kit.Spin(20 * time.Microsecond)
	}
}

func work(ctx context.Context, addr string, jobs <-chan int, done *sync.WaitGroup) {
	defer done.Done()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		panic(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		select { //@ idle: no job
		case n := <-jobs:
			fmt.Fprintln(c, 3000+n)
			if _, err := r.ReadString('\n'); err != nil { //@ costly: the server takes its time
				panic(err)
			}
		case <-ctx.Done():
			return
		}
	}
}

func main() {
	addr, stop := kit.Backend()
	defer stop()
	end := kit.Start()
	h := &hub{join: make(chan chan int)}
	go h.run()
	b := &board{next: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	jobs := make(chan int)
	var done sync.WaitGroup
	for n := 0; n < 4; n++ {
		go member(h)
		go look(b)
		done.Add(1)
		go work(ctx, addr, jobs, &done)
	}
	for n := 0; n < 60; n++ {
		time.Sleep(5 * time.Millisecond) //@ idle|unsure: a job now and then
		jobs <- n
	}
	time.Sleep(20 * time.Millisecond) //@ idle|unsure: until the last is surely done
	cancel()
	done.Wait() //@ none|through: until all have stopped
	end()
}
