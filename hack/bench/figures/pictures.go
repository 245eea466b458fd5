package figures

import "fmt"

// pictures are those of the page, by name.
var pictures = map[string]func(*Report) string{
	"convergence": convergencePicture, "growth": growthPicture, "latency": latencyPicture, "memory": memoryPicture,
}

// bar is a row of a picture.
type bar struct {
	name, colour  string
	value, target float64 // a target of 0 is none
}

func bars(title, unit string, rows []bar, keys ...key) string {
	c := newCanvas(title, head+foot+rowHeight*float64(len(rows)))
	most := 0.0
	for _, b := range rows {
		most = max(most, b.value, b.target)
	}
	s := linear(most, left, width-right)
	c.across(s, unit)
	for i, b := range rows {
		y := head + rowHeight*float64(i)
		c.label(left-8, y+rowHeight/2+4, "end", b.name)
		c.rect(left, y+6, s.at(b.value)-left, rowHeight-12, b.colour)
		if b.target > 0 {
			c.line(s.at(b.target), y+2, s.at(b.target), y+rowHeight-2, 3, targetColour, "")
		}
		c.label(max(s.at(b.value), s.at(b.target))+6, y+rowHeight/2+4, "start", quantity(b.value, unit))
	}
	c.legend(keys...)
	return c.String()
}

func convergencePicture(r *Report) string {
	rows := []bar{
		{name: "bare loop with the same writes", colour: floorColour, value: r.FloorSeconds},
		{name: "operator, server of 0 ms", colour: operatorColour, value: r.Seconds, target: ratioTarget(0) * r.FloorSeconds},
	}
	for _, l := range r.Latency {
		rows = append(rows, bar{
			name: fmt.Sprintf("operator, server of %d ms", l.MS), colour: operatorColour, value: l.Seconds, target: ratioTarget(l.MS) * r.FloorSeconds,
		})
	}
	return bars(fmt.Sprintf("%d new applications: time until all are Ready", r.N), "s", rows,
		key{"floor", floorColour}, key{"operator", operatorColour}, key{"at most", targetColour})
}

func memoryPicture(r *Report) string {
	target := MemoryTarget(r.N)
	return bars(fmt.Sprintf("Memory of the operator with %d applications", r.N), "MB", []bar{
		{name: "after it registered them", colour: operatorColour, value: r.RSS, target: target},
		{name: "beside 300 other Secrets of 1 MB", colour: operatorColour, value: r.RSS + r.RSSUnrelated, target: target},
		{name: "after a restart", colour: operatorColour, value: r.RSSRestarted, target: target},
	}, key{"operator", operatorColour}, key{"at most", targetColour})
}

// span is a row from a median to a p99.
type span struct {
	name             string
	p50, p99, target float64 // 0 is none
}

func latencyPicture(r *Report) string {
	rows := []span{
		{"one a second", r.P50, r.P99, steadyTarget}, {"one a second, during a restart", 0, r.Restart.P99, restartTarget},
		{"one a second, from the end of a leader on", 0, r.Restart.HandoverP99, restartTarget},
	}
	for _, p := range r.Outage.cases() {
		row := span{name: p.name, p50: p.P50, p99: p.P99}
		if p.Pace != r.Outage.Alone {
			row.target = outageTarget * r.Outage.Alone.P99
		}
		rows = append(rows, row)
	}
	c := newCanvas("From an application to its Secret: steadily, and two a second beside another server", head+foot+rowHeight*float64(len(rows)))
	least, most := rows[0].p99, 0.0
	for _, row := range rows {
		for _, v := range []float64{row.p50, row.p99, row.target} {
			if v > 0 {
				least, most = min(least, v), max(most, v)
			}
		}
	}
	s := logarithmic(least, most, left+30, width-right)
	c.across(s, "ms")
	for i, row := range rows {
		y := head + rowHeight*(float64(i)+0.5)
		c.label(left+22, y+4, "end", row.name)
		if row.target > 0 {
			c.line(s.at(row.target), y-rowHeight/2+2, s.at(row.target), y+rowHeight/2-2, 3, targetColour, "")
		}
		if row.p50 > 0 {
			c.line(s.at(row.p50), y, s.at(row.p99), y, 2, operatorColour, "")
			c.dot(s.at(row.p50), y, middleColour)
		}
		c.dot(s.at(row.p99), y, operatorColour)
		c.label(max(s.at(row.p99), s.at(max(row.target, least)))+9, y+4, "start", number(row.p99))
	}
	c.legend(key{"p50", middleColour}, key{"p99", operatorColour}, key{"p99 at most", targetColour})
	return c.String()
}

func growthPicture(r *Report) string {
	const bottom = 40.0
	c := newCanvas(fmt.Sprintf("Growth from %d to %d applications", r.Tenth.N, r.N), head+foot+260)
	from, to := float64(r.Tenth.N), float64(r.N)
	x := logarithmic(from, to, 80, width-180)
	least, most := min(r.Tenth.FloorSeconds, r.Tenth.Seconds), max(r.FloorSeconds, r.Seconds, 10*r.Tenth.Seconds)
	y := logarithmic(least, most, c.height-bottom, head)
	for _, n := range []float64{from, to} {
		c.line(x.at(n), head, x.at(n), c.height-bottom, 1, faint, "")
		c.label(x.at(n), c.height-bottom+18, "middle", number(n)+" applications")
	}
	for _, v := range y.marks() {
		c.line(x.start, y.at(v), x.end, y.at(v), 1, faint, "")
		c.label(x.start-6, y.at(v)+4, "end", quantity(v, "s"))
	}
	c.line(x.at(from), y.at(r.Tenth.Seconds), x.at(to), y.at(10*r.Tenth.Seconds), 1.5, targetColour, ` stroke-dasharray="6 5"`)
	for _, l := range []struct {
		colour      string
		small, full float64
	}{{floorColour, r.Tenth.FloorSeconds, r.FloorSeconds}, {operatorColour, r.Tenth.Seconds, r.Seconds}} {
		c.line(x.at(from), y.at(l.small), x.at(to), y.at(l.full), 2, l.colour, "")
		c.dot(x.at(from), y.at(l.small), l.colour)
		c.dot(x.at(to), y.at(l.full), l.colour)
	}
	c.legend(key{fmt.Sprintf("floor, exponent %s", number(r.FloorExponent)), floorColour},
		key{fmt.Sprintf("operator, exponent %s", number(r.Exponent)), operatorColour}, key{"the operator in proportion", targetColour})
	return c.String()
}
