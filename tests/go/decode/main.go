//go:build ignore

// Command decode reads all events of a trace with Go's own reader and keeps
// nothing: what Waitline's speed is measured against (tests/bench).
//
// Nothing here builds it: internal/trace can only be imported from inside a
// GOROOT. tests/bench builds it as tests/go/events is built.
//
// Usage: decode file.trace
package main

import (
	"bufio"
	"fmt"
	"internal/trace"
	"io"
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: decode file.trace")
	}
	f, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	r, err := trace.NewReader(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		log.Fatal(err)
	}
	n := 0
	for ; ; n++ {
		if _, err := r.ReadEvent(); err == io.EOF {
			break
		} else if err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(n, "events")
}
