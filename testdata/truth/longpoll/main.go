// A request whose handler asks again and again, for most of the trace; and a writer that is started, not called.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"example.com/truth/kit"
)

func poll() {
	for n := 0; n < 20; n++ {
		time.Sleep(10 * time.Millisecond) //@ costly: it sleeps with a request in hand
	}
}

func handle(w http.ResponseWriter, r *http.Request) {
	poll()
	fmt.Fprintln(w, "done")
}

type client struct{ send chan int }

// Write sends what comes, as long as something does.
func (c *client) Write() {
	for range c.send { //@ idle: nothing is to be sent
		kit.Spin(20 * time.Microsecond)
	}
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(l, http.HandlerFunc(handle))
	end := kit.Start()
	c := &client{make(chan int)}
	go c.Write()
	go func() {
		for {
			time.Sleep(4 * time.Millisecond) //@ idle|unsure: its pace
			c.send <- 1
		}
	}()
	time.Sleep(30 * time.Millisecond)                      //@ unsure|idle: a pause
	answer, err := http.Get("http://" + l.Addr().String()) //@ costly|through: the answer
	if err != nil {
		panic(err)
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	end()
}
