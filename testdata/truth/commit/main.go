// A log with group commit: many writers wait for one call, which answers all of them at once.
package main

import (
	"os"
	"time"

	"example.com/truth/kit"
)

type record struct {
	data []byte
	done chan error
}

// flush writes what has come together, and tells everybody who waits for that.
func flush(f *os.File, in chan record) {
	for first := range in { //@ idle|through|none: waits for records
		batch := []record{first}
		for more := true; more; {
			select {
			case r := <-in:
				batch = append(batch, r)
			default:
				more = false
			}
		}
		for _, r := range batch {
			f.Write(r.data)
		}
		err := f.Sync() //@ costly: in the path of all writers
		for _, r := range batch {
			r.done <- err
		}
	}
}

func write(in chan record, data []byte) error {
	r := record{data, make(chan error, 1)}
	in <- r
	return <-r.done //@ through: waits for the flusher, which is in fsync
}

func main() {
	f, err := os.CreateTemp("", "commit")
	if err != nil {
		panic(err)
	}
	defer os.Remove(f.Name())
	end := kit.Start()
	in := make(chan record, 64)
	go flush(f, in)
	for w := 0; w < 6; w++ {
		go func() {
			for tick := time.NewTicker(2 * time.Millisecond); ; {
				<-tick.C //@ idle: by the clock
				write(in, make([]byte, 4096))
			}
		}()
	}
	time.Sleep(250 * time.Millisecond) //@ unsure|idle: the length of the run
	end()
}
