//go:build ignore

// Command events prints the ordered events of a Go execution trace as Go's own
// reader gives them, one line each. Its output is the expected answer of each
// case in testdata/wire (the .events files).
//
// Nothing here builds it: internal/trace can only be imported from inside a
// GOROOT. To build it, copy a Go 1.26 GOROOT, put this file (without the build
// constraint above) into src/cmd/events of the copy, and there, with
// GOROOT=<the copy> GOTOOLCHAIN=local GOFLAGS=-mod=mod GOPROXY=off, run
//
//	bin/go build -o events cmd/events
//
// Usage: events [file.trace]; it reads stdin without an argument.
//
// The form of a line:
//
//	<t> M<m> P<p> G<g> <what> [ at <stack>] [ own <stack>]
//
// t is in nanoseconds since the first event; m, p or g is "-" for none. A stack
// is "<func> <file>:<line> +<n>": its first frame, and how many follow. "at" is
// the stack of the goroutine that made the event, "own" that of the goroutine
// whose state changes, where it is another one. When the reader ends with an
// error, the last line is "error"; should it panic, "panic".
package main

import (
	"bufio"
	"fmt"
	"internal/trace"
	"io"
	"log"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

func main() {
	log.SetFlags(0)
	in := os.Stdin
	if len(os.Args) == 2 {
		f, err := os.Open(os.Args[1])
		if err != nil {
			log.Fatal(err)
		}
		in = f
	} else if len(os.Args) > 2 {
		log.Fatal("usage: events [file.trace]")
	}
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	if err := printEvents(out, in); err != nil {
		// The text of the error is for the person at the terminal; that it came is the answer.
		log.Print(err)
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}

func printEvents(w *bufio.Writer, in io.Reader) (err error) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintln(w, "panic")
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	r, err := trace.NewReader(in)
	if err != nil {
		fmt.Fprintln(w, "error")
		return err
	}
	var start trace.Time
	for first := true; ; first = false {
		ev, err := r.ReadEvent()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			fmt.Fprintln(w, "error")
			return err
		}
		if first {
			start = ev.Time()
		}
		fmt.Fprintf(w, "%d M%s P%s G%s %s\n", ev.Time()-start, id(int64(ev.Thread())),
			id(int64(ev.Proc())), id(int64(ev.Goroutine())), what(ev))
	}
}

// what is the part of a line that depends on the kind of the event.
func what(ev trace.Event) string {
	at := stack(" at ", ev.Stack())
	switch ev.Kind() {
	case trace.EventSync:
		return "sync"
	case trace.EventStateTransition:
		st := ev.StateTransition()
		if st.Resource.Kind == trace.ResourceProc {
			from, to := st.Proc()
			return fmt.Sprintf("proc P%s %s->%s", id(int64(st.Resource.Proc())), state(from), state(to)) + at
		}
		from, to := st.Goroutine()
		own := ""
		if st.Stack != ev.Stack() {
			own = stack(" own ", st.Stack)
		}
		return fmt.Sprintf("go G%s %s->%s %s", id(int64(st.Resource.Goroutine())), state(from), state(to),
			quote(st.Reason)) + at + own
	case trace.EventRangeBegin:
		return span("begin", ev) + at
	case trace.EventRangeActive:
		return span("active", ev) + at
	case trace.EventRangeEnd:
		return span("end", ev) + at
	case trace.EventMetric:
		m := ev.Metric()
		return fmt.Sprintf("metric %s %d", quote(m.Name), m.Value.Uint64()) + at
	case trace.EventLabel:
		return "label " + quote(ev.Label().Label) + at
	case trace.EventTaskBegin:
		return task("task-begin", ev) + at
	case trace.EventTaskEnd:
		return task("task-end", ev) + at
	case trace.EventRegionBegin:
		return region("region-begin", ev) + at
	case trace.EventRegionEnd:
		return region("region-end", ev) + at
	case trace.EventLog:
		l := ev.Log()
		return fmt.Sprintf("log %d %s %s", uint64(l.Task), quote(l.Category), quote(l.Message)) + at
	case trace.EventStackSample:
		return "sample" + at
	case trace.EventExperimental:
		e := ev.Experimental()
		var sb strings.Builder
		sb.WriteString("experimental " + quote(e.Name))
		for i := range e.Args {
			if v := e.ArgValue(i); v.Kind() == trace.ValueUint64 {
				fmt.Fprintf(&sb, " %d", v.Uint64())
			} else {
				sb.WriteString(" " + quote(v.String()))
			}
		}
		return sb.String() + at
	}
	return "unknown"
}

func span(kind string, ev trace.Event) string {
	r := ev.Range()
	scope := "-"
	switch r.Scope.Kind {
	case trace.ResourceGoroutine:
		scope = "G" + id(int64(r.Scope.Goroutine()))
	case trace.ResourceProc:
		scope = "P" + id(int64(r.Scope.Proc()))
	}
	return kind + " " + quote(r.Name) + " " + scope
}

func task(kind string, ev trace.Event) string {
	t := ev.Task()
	parent := "-"
	if t.Parent != trace.NoTask {
		parent = fmt.Sprint(uint64(t.Parent))
	}
	return fmt.Sprintf("%s %d parent=%s %s", kind, uint64(t.ID), parent, quote(t.Type))
}

func region(kind string, ev trace.Event) string {
	r := ev.Region()
	return fmt.Sprintf("%s %d %s", kind, uint64(r.Task), quote(r.Type))
}

func state(s fmt.Stringer) string { return strings.ToLower(s.String()) }

func id(n int64) string {
	if n == -1 {
		return "-"
	}
	return fmt.Sprint(n)
}

// stack is the first frame and the number of those after it. Some versions write
// a single nameless frame with PC 0 where there is no stack: that is none. So is a
// CPU sample's stack that the trace does not have: the reader checks the stacks of all
// other events, and panics when it is asked for the frames of this one.
func stack(prefix string, s trace.Stack) (text string) {
	defer func() {
		if recover() != nil {
			text = ""
		}
	}()
	var first trace.StackFrame
	n := 0
	for f := range s.Frames() {
		if n == 0 {
			first = f
		}
		n++
	}
	if n == 0 || n == 1 && first.PC == 0 && first.Func == "" {
		return ""
	}
	return fmt.Sprintf("%s%s %s:%d +%d", prefix, lossy(first.Func), lossy(first.File), first.Line, n-1)
}

func quote(s string) string {
	var sb strings.Builder
	sb.WriteByte('"')
	for _, c := range lossy(s) {
		switch {
		case c == '"' || c == '\\':
			sb.WriteByte('\\')
			sb.WriteRune(c)
		case c == '\n':
			sb.WriteString(`\n`)
		case c == '\t':
			sb.WriteString(`\t`)
		case c == '\r':
			sb.WriteString(`\r`)
		case unicode.IsControl(c):
			fmt.Fprintf(&sb, `\u{%x}`, c)
		default:
			sb.WriteRune(c)
		}
	}
	sb.WriteByte('"')
	return sb.String()
}

// lossy puts one U+FFFD in the place of each run of bytes that begins a character and
// does not finish it, and of each other byte that is not UTF-8 (the Unicode standard's
// "maximal subparts", which most other languages do too).
func lossy(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var sb strings.Builder
	for len(s) > 0 {
		c, n := utf8.DecodeRuneInString(s)
		if c == utf8.RuneError && n == 1 {
			// While what there is may still become a character, it is one part.
			for k := 1; k < len(s) && k < 4 && !utf8.FullRuneInString(s[:k]); k++ {
				if s[k]&0xC0 != 0x80 {
					break
				}
				if !utf8.FullRuneInString(s[:k+1]) {
					n = k + 1
				}
			}
		}
		sb.WriteRune(c)
		s = s[n:]
	}
	return sb.String()
}
