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
	http.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		for n := 0; n < 5; n++ {
			w.Write(make([]byte, 1000))
			w.(http.Flusher).Flush()
			time.Sleep(4 * time.Millisecond)
		}
	})
	http.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		for {
			fmt.Fprintln(w, "event")
			w.(http.Flusher).Flush()
			time.Sleep(15 * time.Millisecond)
		}
	})
	panic(http.Serve(l, nil))
}
