package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// Escape sequences, used on a terminal only.
const (
	bold  = "\x1b[1m"
	dim   = "\x1b[2m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	cyan  = "\x1b[36m"
	plain = "\x1b[0m"
)

// console tells the tour to a person.
type console struct {
	out    io.Writer
	colour bool
	steps  int
	title  string // of the current step
}

func newConsole(out *os.File) *console {
	info, err := out.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &console{out: out, colour: terminal && os.Getenv("NO_COLOR") == ""}
}

func (c *console) paint(colour, text string) string {
	if !c.colour {
		return text
	}
	return colour + text + plain
}

// step begins a numbered part.
func (c *console) step(title string) {
	c.steps++
	c.title = title
	c.say("")
	c.say("%s", c.paint(bold, fmt.Sprintf("%d. %s", c.steps, title)))
}

// say prints a line.
func (c *console) say(format string, args ...any) { _, _ = fmt.Fprintf(c.out, format+"\n", args...) }

// note explains something, under a step.
func (c *console) note(format string, args ...any) {
	c.say("%s", strings.TrimRight("   "+fmt.Sprintf(format, args...), " "))
}

// command shows what a person would type.
func (c *console) command(line string) { c.note("%s", c.paint(cyan, "$ "+line)) }

// output shows what a program printed.
func (c *console) output(text string) {
	for line := range strings.Lines(text) {
		c.note("  %s", c.paint(dim, strings.TrimRight(line, "\r\n")))
	}
}

// holds tells that something is as it should be.
func (c *console) holds(format string, args ...any) {
	c.note("%s %s", c.paint(green, "ok"), fmt.Sprintf(format, args...))
}

// failed tells that something is not.
func (c *console) failed(what string) { c.note("%s %s", c.paint(red, "FAILED"), what) }

// claims shows what a token says; the token itself is never shown.
func (c *console) claims(of string, claims map[string]any) {
	c.note("The %s says:", of)
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		c.output(fmt.Sprintf("%-24s %s", name, claimText(claims[name])))
	}
}
