// Goroutines that allocate within libraries wait for the collector there, and for no lock.
package main

import (
	"encoding/json"
	"sync"

	"example.com/truth/kit"
)

type row struct {
	Name string
	Tags map[string]string
	Vals []float64
}

func work() {
	for i := 0; i < 40; i++ {
		r := row{Name: "x", Tags: map[string]string{"a": "b"}, Vals: make([]float64, 3000)} //@ costly|none: the collector
		b, _ := json.Marshal(r) //@ costly: the collector, below the library
		sink(b)
	}
}

//go:noinline
func sink(b []byte) {}

func main() {
	end := kit.Start()
	var wg sync.WaitGroup
	for i := 0; i < 8; i++ {
		wg.Add(1)
		go func() { defer wg.Done(); work() }()
	}
	wg.Wait() //@ through: what it started
	end()
}
