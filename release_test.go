package main

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// resident is what the system counts as ours, in bytes.
func resident(t *testing.T) int {
	t.Helper()
	content, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("this system does not tell what a process holds: " + err.Error())
	}
	pages, err := strconv.Atoi(strings.Fields(string(content))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

func TestMemoryIsGivenBackAfterABurst(t *testing.T) {
	g := NewWithT(t)
	held := make([][]byte, 64)
	for i := range held {
		held[i] = make([]byte, 1<<20)
		for at := 0; at < len(held[i]); at += 4096 {
			held[i][at] = 1
		}
	}
	before := resident(t)
	g.Expect(held).To(HaveLen(64)) // until here it is in use
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- releaser{}.Start(ctx) }()
	g.Eventually(func() int { return before - resident(t) }, 6*lull, 100*time.Millisecond).Should(BeNumerically(">", 48<<20))
	cancel()
	g.Eventually(ended).Should(Receive(BeNil()))
}
