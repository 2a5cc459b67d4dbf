// Goroutines that hear of what happens elsewhere, and say each time that they have it, until they are told to stop;
// and one beside them that asks the same server for a number of things.
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

type feed struct {
	addr string
	news chan string
}

func (f *feed) follow(ctx context.Context) {
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		panic(err)
	}
	context.AfterFunc(ctx, func() { c.Close() })
	r := bufio.NewReader(c)
	for {
		fmt.Fprintln(c, 17000)          // got it; the next one comes in a while
		line, err := r.ReadString('\n') //@ idle|unsure: nothing has happened
		if err != nil {
			return
		}
		f.news <- line
	}
}

func (f *feed) show(ctx context.Context) {
	for {
		select { //@ idle: no news
		case <-f.news:
			kit.Spin(100 * time.Microsecond)
		case <-ctx.Done():
			return
		}
	}
}

type shop struct {
	c net.Conn
	r *bufio.Reader
}

func (s *shop) price(of int) string {
	fmt.Fprintln(s.c, 2000+of)
	answer, err := s.r.ReadString('\n') //@ costly: the shop takes its time
	if err != nil {
		panic(err)
	}
	return answer
}

func list(addr string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		panic(err)
	}
	defer c.Close()
	s := &shop{c, bufio.NewReader(c)}
	for n := 0; n < 80; n++ {
		s.price(n)
		kit.Spin(50 * time.Microsecond)
	}
}

func main() {
	addr, stop := kit.Backend()
	defer stop()
	end := kit.Start()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for n := 0; n < 3; n++ {
		f := &feed{addr, make(chan string)}
		all.Add(2)
		go func() {
			defer all.Done()
			f.follow(ctx)
		}()
		go func() {
			defer all.Done()
			f.show(ctx)
		}()
	}
	go list(addr)
	time.Sleep(400 * time.Millisecond) //@ idle|unsure: how long it runs
	cancel()
	all.Wait() //@ none|through: until all have stopped
	end()
}
