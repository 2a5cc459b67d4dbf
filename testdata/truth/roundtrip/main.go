// Clients that ask over connections they opened, with a protocol of their own: one at a time, and many over one
// connection, whose answers a reader hands out. Nobody is seen waiting for any but the last of them. Main waits for
// a signal.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"example.com/truth/kit"
)

func dial(addr string) net.Conn {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		panic(err)
	}
	return c
}

func client(addr string) {
	c := dial(addr)
	defer c.Close()
	r := bufio.NewReader(c)
	for n := 0; n < 40; n++ {
		fmt.Fprintln(c, 2000)
		if _, err := r.ReadString('\n'); err != nil { //@ costly: the answer to what it asked
			return
		}
	}
}

// shared asks in order, so that answers come in order, too.
type shared struct {
	mu   sync.Mutex
	c    net.Conn
	asks []chan string
}

func (s *shared) read() {
	r := bufio.NewReader(s.c)
	for {
		line, err := r.ReadString('\n') //@ idle|unsure: hands out what comes
		if err != nil {
			return
		}
		s.mu.Lock()
		next := s.asks[0]
		s.asks = s.asks[1:]
		s.mu.Unlock()
		next <- strings.TrimSpace(line)
	}
}

func (s *shared) ask() string {
	answer := make(chan string, 1)
	s.mu.Lock()
	s.asks = append(s.asks, answer)
	fmt.Fprintln(s.c, 1000)
	s.mu.Unlock()
	return <-answer //@ costly|through: the answer to what it asked
}

func main() {
	addr, stop := kit.Backend()
	end := kit.Start()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	for n := 0; n < 3; n++ {
		go client(addr)
	}
	s := &shared{c: dial(addr)}
	go s.read()
	for n := 0; n < 3; n++ {
		go func() {
			for n := 0; n < 30; n++ {
				s.ask()
			}
		}()
	}
	time.AfterFunc(220*time.Millisecond, func() { syscall.Kill(os.Getpid(), syscall.SIGUSR1) })
	<-signals //@ idle: no signal has come
	end()
	stop()
}
