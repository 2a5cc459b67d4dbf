// Questions that are given a while: each third is never answered.
package main

import (
	"context"
	"sync"
	"time"

	"example.com/truth/kit"
)

type question struct {
	n      int
	answer chan int
}

// ask waits for at most 8 ms.
func ask(asks chan<- question, n int) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Millisecond)
	defer cancel()
	q := question{n, make(chan int, 1)}
	asks <- q //@ none|costly|idle|through|unsure: it is at once taken
	select {  //@ costly|unsure|through: waits for the answer, or in vain
	case <-q.answer:
		return true
	case <-ctx.Done():
		return false
	}
}

func serve(asks <-chan question) {
	for q := range asks { //@ idle|through: no question
		q := q
		go func() {
			time.Sleep(2 * time.Millisecond) //@ costly|unsure|idle: the answer takes its time
			if q.n%3 != 0 {
				q.answer <- q.n
			}
		}()
	}
}

func main() {
	defer kit.Start()()
	asks := make(chan question)
	go serve(asks)
	var wg sync.WaitGroup
	for i := 0; i < 6; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := 0; n < 12; n++ {
				ask(asks, n)
			}
		}()
	}
	wg.Wait() //@ through: waits for the questions
}
