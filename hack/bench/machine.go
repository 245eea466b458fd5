package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"trustedapps.dev/operator/hack/bench/figures"
)

// load is the load average of the last minute; 0 where the kernel does not tell it.
func load() (average float64) {
	_, _ = fmt.Sscan(told("/proc/loadavg"), &average)
	return average
}

// machine tells what the figures are of.
func (s *stage) machine() (m figures.Machine, err error) {
	m = figures.Machine{CPU: "unknown CPU", System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	if _, after, ok := strings.Cut(told("/proc/cpuinfo"), "model name"); ok {
		line, _, _ := strings.Cut(after, "\n")
		m.CPU = strings.Join(strings.Fields(strings.TrimLeft(line, " \t:")), " ")
	}
	var kilobytes int
	_, _ = fmt.Sscan(strings.TrimPrefix(told("/proc/meminfo"), "MemTotal:"), &kilobytes)
	m.MemoryGB = float64(kilobytes*1024/100_000_000) / 10
	m.FsyncMS, err = fsync(filepath.Join(s.dir, "durable"))
	return m, err
}

// told is what the kernel tells in a file; "" where there is none.
func told(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(content)
}

// fsync is how long the disk takes to make a small write durable: the median of some, in milliseconds.
func fsync(path string) (float64, error) {
	const times = 101
	file, err := os.Create(path)
	if err != nil {
		return 0, fmt.Errorf("trying the disk: %w", err)
	}
	defer func() { _ = file.Close() }()
	took := make([]time.Duration, 0, times)
	for range times {
		began := time.Now()
		if _, err := file.Write(make([]byte, 2048)); err != nil {
			return 0, fmt.Errorf("trying the disk: %w", err)
		}
		if err := file.Sync(); err != nil {
			return 0, fmt.Errorf("trying the disk: %w", err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return float64(took[times/2].Microseconds()) / 1000, nil
}
