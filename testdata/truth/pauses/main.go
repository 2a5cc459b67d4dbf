// Timers in handlers of HTTP: a pause before the next try, which the request waits out; events that are sent by the
// clock; a question that is answered when nothing has happened for a while; and what is written in one go, after a delay
// that a timer ends; progress that is noted while others work, and events that a timer makes. And workers of a kind of
// their own that are given back.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"example.com/truth/kit"
)

// stock hands out what there is, by a goroutine of its own.
type stock struct{ in chan chan bool }

func (s *stock) run() {
	for n := 0; ; n++ {
		reply := <-s.in //@ idle: nobody asks
		kit.Spin(100 * time.Microsecond)
		reply <- n%3 == 2
	}
}

func (s *stock) take() bool {
	reply := make(chan bool)
	s.in <- reply
	return <-reply
}

func (s *stock) order(w http.ResponseWriter, r *http.Request) {
	for !s.take() {
		select { //@ costly: before the next try
		case <-time.After(6 * time.Millisecond):
		case <-r.Context().Done():
			return
		}
	}
	io.WriteString(w, "ok")
}

func events(w http.ResponseWriter, r *http.Request) {
	for k := 0; k < 8; k++ {
		select { //@ idle|unsure: by the clock
		case <-time.After(9 * time.Millisecond):
		case <-r.Context().Done():
			return
		}
		fmt.Fprintf(w, "data: %d\n\n", k)
		w.(http.Flusher).Flush()
	}
}

func changed(w http.ResponseWriter, r *http.Request) {
	select { //@ idle|unsure: nothing has changed
	case <-time.After(40 * time.Millisecond):
	case <-r.Context().Done():
	}
	io.WriteString(w, "nothing")
}

// build hears of progress meanwhile, and of the end.
func build(w http.ResponseWriter, r *http.Request) {
	done := make(chan struct{})
	go func() { kit.Spin(15 * time.Millisecond); close(done) }()
	beat := time.NewTicker(4 * time.Millisecond)
	defer beat.Stop()
	var mu sync.Mutex
	for seen := 0; ; {
		select { //@ unsure|through: its work is done elsewhere
		case <-done:
			io.WriteString(w, "ok")
			return
		case <-beat.C:
			mu.Lock()
			seen++
			mu.Unlock()
			time.Sleep(50 * time.Microsecond) //@ costly|unsure: it notes that
		}
	}
}

// feed makes an event of what came within a while, for all who listen.
type feed struct {
	mu  sync.Mutex
	out []chan int
}

func (f *feed) tell() {
	kit.Spin(500 * time.Microsecond)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, out := range f.out {
		select {
		case out <- 1:
		default:
		}
	}
	time.AfterFunc(8*time.Millisecond, f.tell)
}

func (f *feed) listen(w http.ResponseWriter, r *http.Request) {
	out := make(chan int, 1)
	f.mu.Lock()
	f.out = append(f.out, out)
	f.mu.Unlock()
	for k := 0; k < 8; k++ {
		select { //@ idle|unsure: until something happens
		case <-out:
		case <-r.Context().Done():
			return
		}
		fmt.Fprintln(w, k)
		w.(http.Flusher).Flush()
	}
}

// journal writes what came within 5 ms at once.
type journal struct {
	mu      sync.Mutex
	written chan struct{}
}

func (j *journal) add(w http.ResponseWriter, r *http.Request) {
	j.mu.Lock()
	if j.written == nil {
		j.written = make(chan struct{})
		time.AfterFunc(5*time.Millisecond, j.write)
	}
	written := j.written
	j.mu.Unlock()
	<-written //@ costly|through: until it is written
	io.WriteString(w, "ok")
}

func (j *journal) write() {
	j.mu.Lock()
	written := j.written
	j.written = nil
	j.mu.Unlock()
	kit.Spin(500 * time.Microsecond)
	close(written)
}

// workers are few, and tell when they are free.
type workers struct {
	mu   sync.Mutex
	free *sync.Cond
	idle []*worker
}

type worker struct{ todo chan func() }

func newWorkers(n int) *workers {
	all := &workers{}
	all.free = sync.NewCond(&all.mu)
	for k := 0; k < n; k++ {
		one := &worker{make(chan func())}
		all.idle = append(all.idle, one)
		go one.run(all)
	}
	return all
}

func (one *worker) run(all *workers) {
	for do := range one.todo { //@ idle: nothing to do
		do()
		all.revert(one)
	}
}

func (all *workers) revert(one *worker) {
	all.mu.Lock()
	all.idle = append(all.idle, one)
	all.mu.Unlock()
	all.free.Signal()
}

func (all *workers) retrieve() *worker {
	all.mu.Lock()
	defer all.mu.Unlock()
	for len(all.idle) == 0 {
		all.free.Wait() //@ costly: all workers are busy
	}
	one := all.idle[0]
	all.idle = all.idle[1:]
	return one
}

func give(all *workers, done *sync.WaitGroup) {
	defer done.Done()
	for k := 0; k < 12; k++ {
		all.retrieve().todo <- func() { kit.Spin(2 * time.Millisecond) }
	}
}

func client(url string, n int, done *sync.WaitGroup) {
	defer done.Done()
	for k := 0; k < n; k++ {
		answer, err := http.Get(url) //@ costly|unsure|through: for the answer
		if err != nil {
			return
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
}

func main() {
	defer kit.Start()()
	goods := &stock{make(chan chan bool)}
	go goods.run()
	mux := http.NewServeMux()
	mux.HandleFunc("/order", goods.order)
	mux.HandleFunc("/events", events)
	mux.HandleFunc("/changed", changed)
	mux.HandleFunc("/add", (&journal{}).add)
	mux.HandleFunc("/build", build)
	news := &feed{}
	news.tell()
	mux.HandleFunc("/listen", news.listen)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(l, mux)
	var done sync.WaitGroup
	for path, n := range map[string]int{"/order": 6, "/events": 2, "/changed": 3, "/add": 12, "/build": 4, "/listen": 2} {
		done.Add(1)
		go client("http://"+l.Addr().String()+path, n, &done)
	}
	all := newWorkers(2)
	for k := 0; k < 3; k++ {
		done.Add(1)
		go give(all, &done)
	}
	done.Wait() //@ through: until all are done
}
