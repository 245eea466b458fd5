package figures

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Colours of a middle tone on a white ground of the picture's own, so that it can be read on a light and on a dark page.
const (
	ground, ink, faint            = "#ffffff", "#3d4450", "#d5d9e0"
	floorColour, operatorColour   = "#8a94a6", "#2f6fbf"
	middleColour, targetColour    = "#6fa3dd", "#d2691e"
	width, left, right, rowHeight = 760.0, 250.0, 70.0, 30.0
	// head is the room of title and legend, foot that of the axis.
	head, foot = 56.0, 26.0
)

// canvas is a picture in the making.
type canvas struct {
	text   strings.Builder
	height float64
}

func newCanvas(title string, height float64) *canvas {
	c := &canvas{height: height}
	fmt.Fprintf(&c.text, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" role="img"`, width, height, width, height)
	c.text.WriteString(` font-family="sans-serif" font-size="13">`)
	fmt.Fprintf(&c.text, "\n<title>%s</title>\n<rect width=\"%g\" height=\"%g\" fill=\"%s\"/>\n", html.EscapeString(title), width, height, ground)
	c.label(12, 22, "start", title)
	return c
}

func (c *canvas) String() string { return c.text.String() + "</svg>\n" }

func (c *canvas) label(x, y float64, anchor, text string) {
	fmt.Fprintf(&c.text, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">%s</text>\n", x, y, anchor, ink, html.EscapeString(text))
}

func (c *canvas) line(x1, y1, x2, y2, thickness float64, colour, more string) {
	fmt.Fprintf(&c.text, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"%g\"%s/>\n",
		x1, y1, x2, y2, colour, thickness, more)
}

func (c *canvas) rect(x, y, w, h float64, colour string) {
	fmt.Fprintf(&c.text, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n", x, y, w, h, colour)
}

func (c *canvas) dot(x, y float64, colour string) {
	fmt.Fprintf(&c.text, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"%s\"/>\n", x, y, colour)
}

// key is an entry of a legend.
type key struct{ name, colour string }

// legend is a row under the title.
func (c *canvas) legend(keys ...key) {
	x := 12.0
	const perLetter = 7.0 // about the width of one
	for _, k := range keys {
		c.rect(x, 34, 10, 10, k.colour)
		c.label(x+15, 44, "start", k.name)
		x += 15 + perLetter*float64(len(k.name)) + 18
	}
}

// scale leads from a figure to a place.
type scale struct {
	from, to, start, end float64
	log                  bool
}

func (s scale) at(v float64) float64 {
	from, to := s.from, s.to
	if s.log {
		v, from, to = math.Log10(v), math.Log10(from), math.Log10(to)
	}
	return s.start + (v-from)/(to-from)*(s.end-s.start)
}

// marks are where a scale is labelled.
func (s scale) marks() (all []float64) {
	if !s.log {
		const parts = 5
		for i := range parts + 1 {
			all = append(all, s.from+(s.to-s.from)*float64(i)/parts)
		}
		return all
	}
	steps := []float64{1, 2, 5}
	const wide = 100 // so many labels would be upon each other
	if s.to/s.from > wide {
		steps = steps[:1]
	}
	for decade := math.Pow(10, math.Floor(math.Log10(s.from))); decade <= s.to; decade *= 10 {
		for _, step := range steps {
			if v := decade * step; v >= s.from*0.999 && v <= s.to*1.001 {
				all = append(all, v)
			}
		}
	}
	return all
}

// linear begins at 0 and ends at a round number above most.
func linear(most, start, end float64) scale {
	magnitude := math.Pow(10, math.Floor(math.Log10(max(most, 1e-3))))
	for _, step := range []float64{1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10} {
		if most <= step*magnitude {
			return scale{to: step * magnitude, start: start, end: end}
		}
	}
	return scale{to: most, start: start, end: end}
}

// logarithmic takes in all figures, with some room.
func logarithmic(least, most, start, end float64) scale {
	return scale{from: least / 1.5, to: most * 1.5, start: start, end: end, log: true}
}

// across draws the grid of an axis from left to right.
func (c *canvas) across(s scale, unit string) {
	for _, v := range s.marks() {
		c.line(s.at(v), head, s.at(v), c.height-foot, 1, faint, "")
		c.label(s.at(v), c.height-foot+16, "middle", quantity(v, unit))
	}
}
