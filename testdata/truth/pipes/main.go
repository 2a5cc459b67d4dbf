// Connections that are piped to a backend and kept open between requests: who
// reads from one end has nothing in hand while the other end is silent.
package main

import (
	"io"
	"net"
	"sync"
	"time"

	"example.com/truth/kit"
)

// pipe carries what two connections say to each other until one is closed.
func pipe(a, b net.Conn) {
	var wg sync.WaitGroup
	wg.Add(2)
	one := func(to, from net.Conn) {
		defer wg.Done()
		io.Copy(to, from) //@ unsure|idle: nobody has said anything
		to.Close()
	}
	go one(a, b)
	go one(b, a)
	wg.Wait() //@ unsure|through|idle: for as long as the connection is open
}

func main() {
	addr, stop := kit.Backend()
	defer stop()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	end := kit.Start()
	go func() {
		for {
			a, err := l.Accept() //@ idle: accepts
			if err != nil {
				return
			}
			go func() {
				b, err := net.Dial("tcp", addr)
				if err == nil {
					pipe(a, b)
				}
			}()
		}
	}()
	quiet := kit.Load(l.Addr().String())
	time.Sleep(120 * time.Millisecond) //@ unsure|idle: the length of the first half
	quiet()
	time.Sleep(180 * time.Millisecond) //@ unsure|idle: the length of the second
	end()
}
