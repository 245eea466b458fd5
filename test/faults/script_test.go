package faults

import (
	"fmt"
	"strconv"
	"strings"
)

// Strike is a fault at the Nth call after a workflow began, counted from 0.
type Strike struct {
	At    int
	Fault Fault
}

// Script is what happens in a run.
type Script []Strike

// seed names a run, so that it can be tried again alone: the workflow, and a strike after each @.
func seed(workflow string, script Script) string {
	var b strings.Builder
	b.WriteString(workflow)
	for _, s := range script {
		fmt.Fprintf(&b, " @%d %s", s.At, s.Fault)
	}
	return b.String()
}

// parseSeed reads what seed wrote.
func parseSeed(text string) (*Workflow, Script, error) {
	parts := strings.Split(text, " @")
	w := find(parts[0])
	if w == nil {
		return nil, nil, fmt.Errorf("there is no workflow %q", parts[0])
	}
	var script Script
	for _, part := range parts[1:] {
		at, fault, _ := strings.Cut(part, " ")
		n, err := strconv.Atoi(at)
		if err != nil || !Fault(fault).known() {
			return nil, nil, fmt.Errorf("not a strike, such as 3 crash before: %q", part)
		}
		script = append(script, Strike{n, Fault(fault)})
	}
	return w, script, nil
}
