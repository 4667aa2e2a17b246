package main

// This file draws docs/performance.svg: two plots with logarithmic axes, in the colours of the
// reader's light or dark mode.

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// chart is what is drawn: times in floors over profiles, and in milliseconds over terminals.
type chart struct {
	floor  time.Duration
	growth [][]*row
	crowd  []together
}

// axes is one plot's place, and the range of its axes.
type axes struct {
	left, top, width, height float64
	minX, maxX, minY, maxY   float64
}

func (a axes) x(v float64) float64 {
	return a.left + a.width*math.Log(v/a.minX)/math.Log(a.maxX/a.minX)
}

func (a axes) y(v float64) float64 {
	return a.top + a.height*(1-math.Log(v/a.minY)/math.Log(a.maxY/a.minY))
}

const plotStyle = `<style>
  text { font: 12px sans-serif; fill: #24292f } .title { font-weight: bold } .grid { stroke: #d0d7de } .line { fill: none; stroke-width: 2 }
  .c0 { stroke: #0969da } .c1 { stroke: #1a7f37 } .c2 { stroke: #9a6700 } .f0 { fill: #0969da } .f1 { fill: #1a7f37 } .f2 { fill: #9a6700 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .grid { stroke: #30363d }
    .c0 { stroke: #58a6ff } .c1 { stroke: #3fb950 } .c2 { stroke: #d29922 } .f0 { fill: #58a6ff } .f1 { fill: #3fb950 } .f2 { fill: #d29922 }
  }
</style>
`

func (c chart) svg() string {
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 330" role="img" aria-label="Times against profiles and terminals">` + "\n" + plotStyle)
	left := axes{60, 40, 320, 230, float64(sizes[0]), float64(sizes[len(sizes)-1]), 1, c.highest()}
	left.frame(&b, "Profiles in the config file, times in floors", sizes, []float64{1, 2, 5, 10, 20, 50, 100, 200}, "%g×")
	for i, of := range c.growth {
		var points [][2]float64
		for k, r := range of {
			points = append(points, [2]float64{float64(sizes[k]), float64(r.least()) / float64(c.floor)})
		}
		left.line(&b, i, strings.ReplaceAll(of[0].what, "`", ""), points)
	}
	last := c.crowd[len(c.crowd)-1]
	most := inMilliseconds(max(last.least, last.budget))
	right := axes{470, 40, 320, 230, float64(crowds[0]), float64(crowds[len(crowds)-1]), inMilliseconds(c.crowd[0].least) / 2, most * 1.5}
	right.frame(&b, "Terminals at once, nothing cached, milliseconds", crowds, []float64{5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000}, "%g ms")
	var took, budget [][2]float64
	for _, x := range c.crowd {
		took = append(took, [2]float64{float64(x.terminals), inMilliseconds(x.least)})
		budget = append(budget, [2]float64{float64(x.terminals), inMilliseconds(x.budget)})
	}
	right.line(&b, 0, "exec -- true", took)
	right.line(&b, 1, "the budget", budget)
	b.WriteString("</svg>\n")
	return b.String()
}

// highest is the top of the left axis.
func (c chart) highest() float64 {
	most := 2.0
	for _, of := range c.growth {
		for _, r := range of {
			most = max(most, float64(r.least())/float64(c.floor))
		}
	}
	return most * 1.3
}

// frame draws the title, the grid and what the axes say.
func (a axes) frame(b *strings.Builder, title string, across []int, up []float64, unit string) {
	fmt.Fprintf(b, "<text class=\"title\" x=\"%.0f\" y=\"%.0f\">%s</text>\n", a.left, a.top-18, title)
	for _, v := range across {
		x := a.x(float64(v))
		fmt.Fprintf(b, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n", x, a.top, a.top+a.height, x, a.top+a.height+18, thousands(v))
	}
	for _, v := range up {
		if v < a.minY || v > a.maxY {
			continue
		}
		y := a.y(v)
		fmt.Fprintf(b, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">"+unit+"</text>\n", a.left, y, a.left+a.width, a.left-6, y+4, v)
	}
}

// line draws one row of measurements, and its name below the plot.
func (a axes) line(b *strings.Builder, n int, name string, points [][2]float64) {
	var d []string
	for _, p := range points {
		d = append(d, fmt.Sprintf("%.1f,%.1f", a.x(p[0]), a.y(p[1])))
	}
	fmt.Fprintf(b, "<polyline class=\"line c%d\" points=\"%s\"/>\n", n, strings.Join(d, " "))
	for _, p := range points {
		fmt.Fprintf(b, "<circle class=\"f%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", n, a.x(p[0]), a.y(p[1]))
	}
	x := a.left + float64(n)*105
	fmt.Fprintf(b, "<circle class=\"f%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/><text x=\"%.1f\" y=\"%.1f\">%s</text>\n", n, x+4, a.top+a.height+41, x+13, a.top+a.height+45, name)
}
