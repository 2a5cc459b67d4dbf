// What looks like a pool, a future or a long poll, and is none: queues with Get and Put into which those that take from
// them put more, guests that hear who left, a handler that waits for news behind another one, pages that are fetched
// side by side, and one who asks a helper by the clock.
package main

import (
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"example.com/truth/kit"
)

type queue struct{ items chan int }

func (q *queue) Get() int { return <-q.items } //@ idle|unsure: nothing to do

func (q *queue) Put(item int) { q.items <- item }

func crawl(q *queue) {
	for {
		links := q.Get()
		kit.Spin(200 * time.Microsecond)
		if links > 0 {
			q.Put(links - 1)
		}
	}
}

func seed(q *queue) {
	for {
		q.Put(20)
		time.Sleep(25 * time.Millisecond) //@ idle|unsure: by the clock
	}
}

type retries struct{ jobs chan int }

func (r *retries) Take() int { return <-r.jobs } //@ idle|unsure: no job

func (r *retries) Return(job int) { r.jobs <- job }

func try(r *retries) {
	for {
		job := r.Take()
		kit.Spin(100 * time.Microsecond)
		if job%3 != 0 {
			r.Return(job + 1)
		}
	}
}

func submit(r *retries) {
	for job := 1; ; job++ {
		time.Sleep(9 * time.Millisecond) //@ idle|unsure: by the clock
		r.jobs <- job
	}
}

type room struct {
	mu      sync.Mutex
	changed chan struct{}
}

func (r *room) next() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

func (r *room) change() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.changed)
	r.changed = make(chan struct{})
}

func guest(r *room) {
	defer r.change()
	for n := 0; n < 4; n++ {
		<-r.next() //@ idle: until somebody leaves
		kit.Spin(20 * time.Microsecond)
	}
	time.Sleep(40 * time.Millisecond) //@ idle|unsure: nobody waits for that
}

func doorman(r *room) {
	for n := 0; ; n++ {
		go guest(r)
		time.Sleep(11 * time.Millisecond) //@ idle|unsure: by the clock
		if n%6 == 0 {
			r.change()
		}
	}
}

func news(w http.ResponseWriter, r *http.Request) {
	select { //@ unsure|idle: nothing happens
	case <-time.After(30 * time.Millisecond):
	case <-r.Context().Done():
	}
}

// behind is what stands between a server and its handlers.
func behind(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r) //@ through|unsure: until the handler behind it is done
	})
}

func page(w http.ResponseWriter, r *http.Request) {
	time.Sleep(25 * time.Millisecond) //@ costly: stands for the work; somebody asked for the page
}

func fetch(url string, pages int, all *sync.WaitGroup) {
	defer all.Done()
	client := &http.Client{Transport: &http.Transport{}}
	for n := 0; n < pages; n++ {
		answer, err := client.Get(url) //@ costly|through: the page takes its time
		if err != nil {
			return
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
}

type helper struct{ ask chan chan int }

func (h *helper) run() {
	for answer := range h.ask { //@ idle: nobody asks
		kit.Spin(300 * time.Microsecond)
		answer <- 1
	}
}

func look(h *helper) {
	tick := time.NewTicker(10 * time.Millisecond)
	answer := make(chan int)
	for {
		<-tick.C //@ idle: by the clock
		h.ask <- answer
		<-answer //@ through|none|unsure: until it has looked
	}
}

func serve(h http.Handler) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(l, h)
	return l.Addr().String()
}

func main() {
	end := kit.Start()
	stop := kit.Load("http " + serve(behind(http.TimeoutHandler(http.HandlerFunc(news), time.Second, "late"))))
	defer stop()

	q := &queue{items: make(chan int, 1000)}
	for n := 0; n < 4; n++ {
		go crawl(q)
	}
	go seed(q)

	r := &retries{jobs: make(chan int, 1000)}
	for n := 0; n < 3; n++ {
		go try(r)
	}
	go submit(r)

	go doorman(&room{changed: make(chan struct{})})

	h := &helper{ask: make(chan chan int)}
	go h.run()
	go look(h)

	url := "http://" + serve(http.HandlerFunc(page))
	var all sync.WaitGroup
	for n := 0; n < 3; n++ {
		all.Add(1)
		go fetch(url, 20, &all)
	}
	all.Wait() //@ through: until all pages are there
	end()
}
