package main

import (
	"fmt"
	"net"
	"net/http"
	"time"
)

// serve says where it listens, and answers.
func serve() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("http://" + l.Addr().String())
	// In so many pieces; 0 is for ever.
	pieces := func(path string, n int, pause time.Duration) {
		http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			for sent := 0; n == 0 || sent < n; sent++ {
				fmt.Fprintln(w, "a line, or an event")
				w.(http.Flusher).Flush()
				time.Sleep(pause)
			}
		})
	}
	pieces("/file", 5, 4*time.Millisecond)
	pieces("/events", 0, 15*time.Millisecond)
	pieces("/some-events", 6, 5*time.Millisecond)
	http.HandleFunc("/ack", func(w http.ResponseWriter, r *http.Request) {})
	panic(http.Serve(l, nil))
}
