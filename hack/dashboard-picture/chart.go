package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
	"time"
)

// plot is the area of a chart.
type plot struct {
	left, top, width, height float64
	from, to, most           float64
}

func (p plot) x(t float64) float64 { return p.left + (t-p.from)/(p.to-p.from)*p.width }
func (p plot) y(v float64) float64 { return p.top + p.height - v/p.most*p.height }

// chart draws lines over time, stacked where the panel says so, and their legend.
func chart(b *strings.Builder, a answered, width, height int, from, to time.Time) {
	stacked := a.FieldConfig.Defaults.Custom.Stacking != nil
	slices.SortFunc(a.lines, func(x, y line) int { return strings.Compare(x.name, y.name) })
	p := plot{left: 44, top: 8, width: float64(width) - 52, height: float64(height) - 24, from: float64(from.Unix()), to: float64(to.Unix())}
	for _, l := range a.lines {
		for _, v := range l.series.Values {
			if v > p.most { // NaN is not
				p.most = v
			}
		}
	}
	base := map[float64]float64{} // what is below at each time
	if stacked {
		for _, l := range a.lines {
			for i, t := range l.series.Times {
				base[t] += l.series.Values[i]
				p.most = max(p.most, base[t])
			}
		}
		clear(base)
	}
	p.most = ceiling(p.most)
	fmt.Fprintf(b, `<svg width=%d height=%d>`, width, height)
	axes(b, p, a.unit())
	for i, l := range a.lines {
		color := palette[i%len(palette)]
		for _, part := range parts(l) {
			area(b, p, part, color, base, stacked)
		}
	}
	b.WriteString("</svg><div class=legend>")
	for i, l := range a.lines {
		fmt.Fprintf(b, `<span><i style="background:%s"></i>%s</span>`, palette[i%len(palette)], html.EscapeString(l.name))
	}
	b.WriteString("</div>")
}

// axes draws the grid with values and times.
func axes(b *strings.Builder, p plot, unit string) {
	const steps = 4
	for i := range steps + 1 {
		v := p.most * float64(i) / steps
		fmt.Fprintf(b, `<line x1=%.1f x2=%.1f y1=%.1f y2=%.1f stroke="#2a2e34"/><text x=%.1f y=%.1f text-anchor=end>%s</text>`,
			p.left, p.left+p.width, p.y(v), p.y(v), p.left-6, p.y(v)+3, quantity(v, unit))
		t := p.from + (p.to-p.from)*float64(i)/steps
		anchor := "middle"
		if i == steps {
			anchor = "end"
		}
		fmt.Fprintf(b, `<text x=%.1f y=%.1f text-anchor=%s>%s</text>`, p.x(t), p.top+p.height+14, anchor, time.Unix(int64(t), 0).UTC().Format("15:04:05"))
	}
}

// parts cuts a line where it has no samples, because its series was not there.
func parts(l line) [][][2]float64 {
	var all [][][2]float64
	last := math.Inf(-1)
	for i, t := range l.series.Times {
		v := l.series.Values[i]
		if math.IsNaN(v) {
			continue
		}
		if t-last > 1.5 {
			all = append(all, nil)
		}
		all[len(all)-1], last = append(all[len(all)-1], [2]float64{t, v}), t
	}
	return all
}

// area draws one piece of a line, and fills what is below it.
func area(b *strings.Builder, p plot, points [][2]float64, color string, base map[float64]float64, stacked bool) {
	var upper, lower strings.Builder
	for i, point := range points {
		t, v := point[0], point[1]
		below := 0.0
		if stacked {
			below = base[t]
			base[t] += v
		}
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&upper, "%s%.1f %.1f", command, p.x(t), p.y(below+v))
		piece := fmt.Sprintf("L%.1f %.1f", p.x(t), p.y(below))
		rest := lower.String()
		lower.Reset()
		lower.WriteString(piece + rest)
	}
	opacity := 0.12
	if stacked {
		opacity = 0.5
	}
	fmt.Fprintf(b, `<path d="%s%sZ" fill="%s" fill-opacity=%.2f /><path d="%s" fill=none stroke="%s" stroke-width=1.6 />`,
		upper.String(), lower.String(), color, opacity, upper.String(), color)
}

// ceiling is a round number above v.
func ceiling(v float64) float64 {
	if v <= 0 || math.IsNaN(v) {
		return 1
	}
	magnitude := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10} {
		if v <= m*magnitude*1.0001 {
			return m * magnitude
		}
	}
	return 10 * magnitude
}
