package process

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
)

// outputs serialises writers: Options.Log is one writer for several processes.
var outputs sync.Mutex

// lineLog passes the lines of a process on, each with its name, and remembers the last ones for an error.
type lineLog struct {
	name string
	out  io.Writer // nil: remember only

	mu      sync.Mutex
	partial []byte
	last    []string
}

func newLineLog(name string, out io.Writer) *lineLog {
	return &lineLog{name: name, out: out}
}

// Write takes output of the process; it never fails, as a failing log must not stop a process.
func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.keep(string(line))
		l.partial = bytes.Clone(rest)
	}
}

func (l *lineLog) keep(line string) {
	l.last = append(l.last, line)
	if len(l.last) > shownLines {
		l.last = l.last[1:]
	}
	if l.out != nil {
		outputs.Lock()
		defer outputs.Unlock()
		_, _ = fmt.Fprintf(l.out, "%s: %s\n", l.name, line)
	}
}

// tail returns the last lines.
func (l *lineLog) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(append(l.last, string(l.partial)), "\n")
}
