// A few clerks for many who ask: each has two things done at a time, and waits for both. That there are too few is
// what everybody waits for.
package main

import (
	"sync"
	"time"

	"example.com/truth/kit"
)

type form struct {
	answer chan int
	n      int
}

type office struct{ desk chan *form }

func (o *office) clerk() {
	for f := range o.desk { //@ idle|none: nobody asks
		f.answer <- stamp(f.n)
	}
}

func stamp(n int) int {
	time.Sleep(3 * time.Millisecond) //@ costly|unsure: what a form takes, while somebody waits for it
	return n
}

func (o *office) hand(n int) *form {
	f := &form{make(chan int, 1), n}
	o.desk <- f //@ costly|unsure: all clerks have something to do
	return f
}

func (f *form) wait() int {
	return <-f.answer //@ through: for the clerk who has it
}

func main() {
	end := kit.Start()
	o := &office{make(chan *form)}
	for n := 0; n < 3; n++ {
		go o.clerk()
	}
	var all sync.WaitGroup
	for n := 0; n < 7; n++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; i < 30; i++ {
				a, b := o.hand(i), o.hand(i+1)
				a.wait()
				b.wait()
				kit.Spin(200 * time.Microsecond)
			}
		}()
	}
	all.Wait() //@ through: until all have what they asked for
	end()
}
