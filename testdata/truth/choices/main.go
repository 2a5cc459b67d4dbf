// Selects of which one knows with which of their cases they go on: behind each case stands how many waits do.
package main

import (
	"context"
	"time"

	"example.com/truth/kit"
)

const brief = 2 * time.Millisecond

type desk struct{ answers, refusals chan int }

// ask waits for one of four things.
func (d *desk) ask(ctx context.Context, limit time.Duration) {
	select {
	case <-d.answers: // taken 5
		time.Sleep(brief / 4)
	case <-d.refusals: // taken 3
		time.Sleep(brief / 4)
	case <-time.After(limit): // taken 4
	case <-ctx.Done(): // taken 2
	}
}

func later(what func()) {
	go func() {
		time.Sleep(brief)
		what()
	}()
}

func asks() {
	all := context.Background()
	open := func() *desk { return &desk{make(chan int), make(chan int)} }
	for i := 0; i < 5; i++ {
		d := open()
		later(func() { d.answers <- 1 })
		d.ask(all, time.Second)
	}
	for i := 0; i < 3; i++ {
		d := open()
		later(func() { close(d.refusals) })
		d.ask(all, time.Second)
	}
	for i := 0; i < 4; i++ {
		open().ask(all, brief)
	}
	for i := 0; i < 2; i++ {
		ctx, cancel := context.WithCancel(all)
		later(cancel)
		open().ask(ctx, time.Second)
	}
}

// hub is a loop in whose cases nothing can be seen: so who ended a wait tells, and where.
type hub struct{ in, out, quit chan int }

func (h *hub) run(done chan<- int) {
	n := 0
	for {
		select {
		case x := <-h.in: // taken 6
			n += x
		case h.out <- n: // taken 7
			n--
		case <-h.quit: // taken 1
			done <- n
			return
		}
	}
}

// limited waits with a clock that a variable holds, and one that a timer has.
func limited(never chan int) {
	limit := time.After(brief)
	timer := time.NewTimer(brief / 2)
	for i := 0; i < 2; i++ {
		select {
		case <-never:
		case <-limit:
		case <-timer.C:
		}
	}
	select {
	case <-never:
	case <-time.After(brief): // taken 1
	}
}

// later turns: whoever sends is told by a parameter's name, and what is ready at once rests where it can be seen.
type turns struct{ jobs, flush chan int }

func (t *turns) run(done chan<- int) {
	for n := 0; n < 8; n++ {
		select {
		case <-t.jobs:
			t.flush <- 1
		case <-t.flush:
			time.Sleep(brief / 4)
		}
	}
	done <- 1
}

func feed(flush chan<- int) {
	for i := 0; i < 4; i++ {
		time.Sleep(brief)
		flush <- 1
	}
}

func main() {
	defer kit.Start()()
	asks()
	h := &hub{make(chan int), make(chan int), make(chan int)}
	done := make(chan int)
	go h.run(done)
	for i := 0; i < 6; i++ {
		time.Sleep(brief)
		h.in <- 1
	}
	for i := 0; i < 7; i++ {
		time.Sleep(brief)
		<-h.out
	}
	time.Sleep(brief)
	close(h.quit)
	<-done
	limited(make(chan int))
	t := &turns{make(chan int), make(chan int, 1)}
	go feed(t.jobs)
	go t.run(done)
	<-done
}
