// What is given back, and to whom: connections of a pool that two kinds of goroutines use, tokens within a function, and
// a writer that takes all there is before it writes; links that hold each piece for a while; lines that are read from
// connections, slowly; and one that asks over and over whether something has happened.
package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"example.com/truth/kit"
)

type pool struct{ free chan int }

func (p *pool) get() int { return <-p.free } //@ costly: all connections are in use

func (p *pool) put(c int) { p.free <- c }

func query(quit <-chan struct{}) {
	select { //@ costly|unsure: the database takes its time, and others want the connection
	case <-time.After(3 * time.Millisecond):
	case <-quit:
	}
}

func (p *pool) use(quit <-chan struct{}) {
	c := p.get()
	defer p.put(c)
	query(quit)
}

// jobs use the pool in goroutines of their own, callers for as long as they live.
func (p *pool) jobs(n int, quit <-chan struct{}, all *sync.WaitGroup) {
	defer all.Done()
	var some sync.WaitGroup
	for k := 0; k < n; k++ {
		some.Add(1)
		go func() { defer some.Done(); p.use(quit) }()
		kit.Spin(500 * time.Microsecond)
	}
	some.Wait() //@ through: until all jobs are done
}

func (p *pool) caller(n int, quit <-chan struct{}, all *sync.WaitGroup) {
	defer all.Done()
	for k := 0; k < n; k++ {
		p.use(quit)
		kit.Spin(100 * time.Microsecond)
	}
}

type journal struct{ in chan int }

func (j *journal) run() {
	for {
		n := <-j.in //@ idle: nothing to write
		for more := true; more; {
			select {
			case k := <-j.in:
				n += k
			default:
				more = false
			}
		}
		time.Sleep(2 * time.Millisecond) //@ costly|unsure: stands for the disk; others have something to write meanwhile
	}
}

func write(j *journal, n int, quit <-chan struct{}, all *sync.WaitGroup) {
	defer all.Done()
	for k := 0; k < n; k++ {
		select { //@ costly|unsure: the journal is at the disk
		case j.in <- k:
		case <-quit:
		}
		kit.Spin(200 * time.Microsecond)
	}
}

func link(in <-chan int, out chan<- int, quit <-chan struct{}) {
	for {
		var piece int
		select { //@ idle: nothing comes
		case piece = <-in:
		case <-quit:
			return
		}
		select { //@ unsure|costly: the piece is held for a while
		case <-time.After(2 * time.Millisecond):
		case <-quit:
			return
		}
		out <- piece
	}
}

func feed(in chan<- int) {
	for k := 0; ; k++ {
		time.Sleep(5 * time.Millisecond) //@ idle: by the clock
		in <- k
	}
}

func drain(out <-chan int) {
	for range out { //@ idle: nothing comes
		kit.Spin(20 * time.Microsecond)
	}
}

func slowly(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		line, err := next(r)
		if err != nil {
			return
		}
		time.Sleep(4 * time.Millisecond) //@ unsure|costly: no more than so many lines a second
		if _, err := io.WriteString(c, line); err != nil {
			return
		}
	}
}

func next(r *bufio.Reader) (string, error) {
	return r.ReadString('\n') //@ idle: no line
}

func accept(l net.Listener) {
	for {
		c, err := l.Accept() //@ idle|none: no connection
		if err != nil {
			return
		}
		go slowly(c)
	}
}

func happened(w http.ResponseWriter, r *http.Request) {
	select { //@ idle|unsure: nothing happens
	case <-time.After(70 * time.Millisecond):
	case <-r.Context().Done():
	}
}

func listen(url string) {
	for {
		answer, err := http.Get(url) //@ unsure|idle: until something has happened
		if err != nil {
			return
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
}

func main() {
	lines, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	end := kit.Start()
	stop := kit.Load(lines.Addr().String())
	defer stop()
	go accept(lines)
	events, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(events, http.HandlerFunc(happened))
	go listen("http://" + events.Addr().String())

	quit := make(chan struct{})
	in, out := make(chan int), make(chan int)
	go link(in, out, quit)
	go feed(in)
	go drain(out)

	var all sync.WaitGroup
	p := &pool{free: make(chan int, 2)}
	p.put(0)
	p.put(1)
	for n := 0; n < 3; n++ {
		all.Add(1)
		go p.caller(60, quit, &all)
	}
	all.Add(1)
	go p.jobs(40, quit, &all)

	j := &journal{in: make(chan int)}
	go j.run()
	for n := 0; n < 4; n++ {
		all.Add(1)
		go write(j, 60, quit, &all)
	}
	all.Wait() //@ through: until all is done
	end()
}
