package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// userHZ is how the kernel counts times, on every platform that the operator is built for.
const userHZ = 100

// process is what the kernel tells of one.
type process struct {
	name    string
	parent  int
	seconds float64 // in which it was computing
}

// processOf reads that of a process.
func processOf(pid int) (p process, err error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p, fmt.Errorf("reading the times of a process: %w", err)
	}
	before, after, _ := strings.Cut(string(content), ") ") // no name of ours has one
	_, p.name, _ = strings.Cut(before, "(")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return p, fmt.Errorf("the kernel tells no times of the process %d", pid)
	}
	numbers := [3]int{}
	for i, at := range []int{1, 11, 12} { // parent, utime, stime
		if numbers[i], err = strconv.Atoi(fields[at]); err != nil {
			return p, fmt.Errorf("reading the times of a process: %w", err)
		}
	}
	p.parent, p.seconds = numbers[0], float64(numbers[1]+numbers[2])/userHZ
	return p, nil
}

// computed is how long this process and those that it started have been computing so far, by name.
func computed() map[string]float64 {
	all := map[int]process{}
	paths, _ := filepath.Glob("/proc/[0-9]*")
	for _, path := range paths {
		pid, err := strconv.Atoi(filepath.Base(path))
		if err != nil {
			continue
		}
		if p, err := processOf(pid); err == nil { // else it ended meanwhile
			all[pid] = p
		}
	}
	seconds := map[string]float64{}
	for pid, p := range all {
		for ancestor := pid; ancestor > 0; ancestor = all[ancestor].parent {
			if ancestor == os.Getpid() {
				seconds[p.name] += p.seconds
				break
			}
		}
	}
	return seconds
}

// spent is how long each has been computing since.
func spent(before map[string]float64) map[string]float64 {
	since := map[string]float64{}
	for name, seconds := range computed() {
		if seconds -= before[name]; seconds >= 0.05 {
			since[name] = float64(int(seconds*100+0.5)) / 100
		}
	}
	return since
}
