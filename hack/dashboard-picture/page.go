package main

import (
	"fmt"
	"html"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"trustedapps.dev/operator/test/prometheus"
)

// The page, in pixels: Grafana's grid of 24 columns.
const (
	width, height = 1392, 1332
	column        = 57
	rowHeight     = 33
	gap           = 8
)

var palette = []string{"#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#37872d", "#fade2a", "#c0d8ff"}

// answered is a panel with its data.
type answered struct {
	prometheus.Panel
	lines []line
}

// line is one series with its legend.
type line struct {
	name   string
	series prometheus.Series
}

func (l line) last() float64 { return l.series.Values[len(l.series.Values)-1] }

var label = regexp.MustCompile(`\{\{(\w+)\}\}`)

// legend fills labels into a legend.
func legend(format string, labels map[string]string) string {
	return label.ReplaceAllStringFunc(format, func(m string) string { return labels[strings.Trim(m, "{}")] })
}

const style = `body{margin:0;background:#111217;color:#ccccdc;font:12px Inter,"Helvetica Neue",Arial,sans-serif}
h1{font-size:17px;font-weight:500;margin:14px 16px 0}
.sub{color:#8e8e9b;margin:3px 16px 0}
.grid{position:relative;margin:10px 12px}
.panel{position:absolute;background:#181b1f;border:1px solid #2c3036;border-radius:3px;box-sizing:border-box;padding:6px 8px;overflow:hidden}
.title{font-weight:500;font-size:12.5px}
.row{position:absolute;font-weight:500;font-size:14px;color:#d8d9da}
.big{font-size:34px;font-weight:500;text-align:center;margin-top:18px}
.legend{display:flex;flex-wrap:wrap;gap:1px 12px;font-size:11px;line-height:15px;max-height:30px;overflow:hidden}
.legend i{display:inline-block;width:12px;height:3px;border-radius:2px;margin-right:5px;vertical-align:middle}
.bar{display:flex;align-items:center;margin:5px 0;font-size:11px}.bar b{width:64px;font-weight:400;color:#9fa0ab}
.bar s{display:block;height:16px;background:#5794f2;border-radius:2px;min-width:2px}.bar em{margin-left:7px;font-style:normal}
text{fill:#8e8e9b;font-size:10px}`

// page draws the dashboard.
func page(title string, panels []answered, from, to time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html><meta charset=utf-8><style>%s</style><h1>%s</h1>", style, html.EscapeString(title))
	b.WriteString(`<div class=sub>three stand-in instances; one is away for a while, one is slow, one refuses credentials</div><div class=grid>`)
	for _, p := range panels {
		x, y := p.GridPos.X*column, p.GridPos.Y*rowHeight
		if p.Row() {
			fmt.Fprintf(&b, `<div class=row style="left:%dpx;top:%dpx">⌄ %s</div>`, x, y+8, html.EscapeString(p.Title))
			continue
		}
		w, h := p.GridPos.W*column-gap, p.GridPos.H*rowHeight-gap
		fmt.Fprintf(&b, `<div class=panel style="left:%dpx;top:%dpx;width:%dpx;height:%dpx"><div class=title>%s</div>`, x, y, w, h, html.EscapeString(p.Title))
		switch p.Type {
		case "stat":
			fmt.Fprintf(&b, `<div class=big style="color:%s">%s</div>`, statColor(p), quantity(p.lines[0].last(), p.unit()))
		case "bargauge":
			bars(&b, p, w)
		default:
			chart(&b, p, w-16, h-64, from, to)
		}
		b.WriteString("</div>")
	}
	b.WriteString("</div>")
	return b.String()
}

func (a answered) unit() string { return a.FieldConfig.Defaults.Unit }

// statColor is green or red where the panel judges, blue where it only counts.
func statColor(p answered) string {
	steps := p.FieldConfig.Defaults.Thresholds.Steps
	color := "#5794f2"
	for _, s := range steps {
		if s.Value == nil || p.lines[0].last() >= *s.Value {
			color = map[string]string{"green": "#73bf69", "red": "#f2495c", "blue": "#5794f2"}[s.Color]
		}
	}
	return color
}

// bars draws the last values, by the bound of each bucket.
func bars(b *strings.Builder, p answered, width int) {
	bound := func(l line) float64 {
		v, err := strconv.ParseFloat(l.series.Labels["le"], 64)
		if err != nil {
			return math.Inf(1)
		}
		return v
	}
	slices.SortFunc(p.lines, func(a, b line) int {
		if bound(a) < bound(b) {
			return -1
		}
		return 1
	})
	most := 1.0
	for _, l := range p.lines {
		most = max(most, l.last())
	}
	for _, l := range p.lines {
		name := "any age"
		if v := bound(l); !math.IsInf(v, 1) {
			name = fmt.Sprintf("%.0f d", v/86400)
		}
		fmt.Fprintf(b, `<div class=bar><b>%s</b><s style="width:%.0fpx"></s><em>%.0f</em></div>`, name, l.last()/most*float64(width-130), l.last())
	}
}

// quantity writes a value with its unit.
func quantity(v float64, unit string) string {
	switch {
	case unit == "s" && v >= 120:
		return fmt.Sprintf("%.1f min", v/60)
	case unit == "s" && v != 0 && v < 1:
		return fmt.Sprintf("%.0f ms", v*1000)
	case unit == "s":
		return fmt.Sprintf("%.3g s", v)
	case unit == "ops", unit == "reqps":
		return fmt.Sprintf("%.2g/s", v)
	}
	return fmt.Sprintf("%.3g", v)
}
