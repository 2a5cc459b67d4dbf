// Connections are piped to a backend, and who does so waits on a channel until one side has closed: that
// holds them together, and asks for nothing.
package main

import (
	"io"
	"net"
	"time"

	"example.com/truth/kit"
)

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
				if err != nil {
					return
				}
				done := make(chan struct{}, 2)
				pipe := func(to, from net.Conn) {
					io.Copy(to, from) //@ unsure|idle: nobody has said anything
					to.Close()
					done <- struct{}{}
				}
				go pipe(a, b)
				go pipe(b, a)
				<-done //@ unsure|through|idle: for as long as the connection is open
			}()
		}
	}()
	for i := 0; i < 5; i++ {
		quiet := kit.Load(l.Addr().String())
		time.Sleep(60 * time.Millisecond) //@ unsure|idle: the length of a part of the run
		quiet()
	}
	end()
}
