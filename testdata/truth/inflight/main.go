// What is under way when the trace ends: work in hand is not idle.
package main

import (
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"example.com/truth/kit"
)

func slow(w http.ResponseWriter, r *http.Request) {
	time.Sleep(5 * time.Second) //@ unsure|idle: in the path of a request, of which no end is seen
	io.WriteString(w, "late")
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	end := kit.Start()
	go http.Serve(l, http.HandlerFunc(slow)) //@ idle: accepts
	jobs := make(chan int)
	go func() {
		for range jobs { //@ idle: waits for work that comes once
			kit.Spin(time.Millisecond)
		}
	}()
	time.Sleep(60 * time.Millisecond) //@ unsure|idle: the length of the run
	jobs <- 1
	go func() {
		resp, err := http.Get("http://" + l.Addr().String()) //@ unsure: the answer has not come yet
		if err == nil {
			resp.Body.Close()
		}
	}()
	go func() {
		var wg sync.WaitGroup
		for i := 0; i < 2; i++ {
			wg.Add(1)
			go func() {
				defer wg.Done()
				time.Sleep(5 * time.Second) //@ unsure|idle: still sleeps
			}()
		}
		wg.Wait() //@ through: what it started is not done yet
	}()
	time.Sleep(40 * time.Millisecond) //@ unsure|idle: the length of the run
	end()
}
