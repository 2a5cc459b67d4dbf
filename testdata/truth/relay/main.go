// A server's loop gets what came over its connection from a relay, which gets it from a reader: nobody was asked for
// anything, and each of the three waits for work.
package main

import (
	"bufio"
	"fmt"
	"net"
	"time"

	"example.com/truth/kit"
)

type session struct {
	c     net.Conn
	lines chan string
	calls chan string
}

func (s *session) read() {
	defer close(s.lines)
	r := bufio.NewReader(s.c)
	for {
		line, err := r.ReadString('\n') //@ idle: nothing was sent
		if err != nil {
			return
		}
		s.lines <- line
	}
}

func (s *session) relay() {
	defer close(s.calls)
	for line := range s.lines { //@ idle: nothing has come
		s.calls <- line
	}
}

func serve(c net.Conn) {
	defer c.Close()
	s := &session{c: c, lines: make(chan string), calls: make(chan string)}
	go s.read()
	go s.relay()
	for range s.calls { //@ idle: nobody calls
		fmt.Fprintln(c, "done")
	}
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	end := kit.Start()
	go func() {
		for {
			c, err := l.Accept() //@ idle: accepts
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	unload := kit.Load(l.Addr().String())
	time.Sleep(250 * time.Millisecond) //@ idle|unsure: the length of the run
	end()
	unload()
}
