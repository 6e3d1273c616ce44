package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
)

// The chart is one SVG without fonts, scripts or references of its own: bars
// of what matters most, less being better in all of them. It follows the
// reader's choice of light or dark.

// A panel is one metric of one case.
type panel struct{ name, metric, title string }

var panels = []panel{
	{"full-p256-tls1.3", connCPU, "CPU per connection, P-256 (µs)"},
	{"resumed-rsa-tls1.3", connCPU, "CPU per resumed connection, RSA-2048 (µs)"},
	{"declined", connCPU, "CPU of a connection that asks for no TLS (µs)"},
	{"waiting", idleAtMost, "Memory before TLS is asked for (kB)"},
	{"down-tls1.3", bulkCPU, "CPU per GiB from prog (s)"},
	{"up-tls1.3", bulkCPU, "CPU per GiB to prog (s)"},
	{"ping-tls1.3", tripTime, "Round trip of 64 bytes (µs)"},
	{"idle", idleAtMost, "Memory of an idle tunnel (kB)"},
}

// Sizes in pixels.
const (
	chartWidth  = 880
	chartMargin = 20
	panelGap    = 28
	panelWidth  = (chartWidth - 2*chartMargin - panelGap) / 2
	nameWidth   = 112
	valueWidth  = 56
	barWidth    = panelWidth - nameWidth - valueWidth
	barHeight   = 13
	barStep     = 19
	titleHeight = 24
	headHeight  = 54
)

const chartStyle = `
	.back { fill: #ffffff } .text { fill: #1f2328 } .soft { fill: #59636e } .bar { fill: #b6bec8 } .ours { fill: #0b6bcb }
	@media (prefers-color-scheme: dark) {
		.back { fill: #0d1117 } .text { fill: #f0f6fc } .soft { fill: #9198a1 } .bar { fill: #4b535d } .ours { fill: #4aa3ff }
	}
	text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
	.head { font-size: 16px; font-weight: 600 } .title { font-weight: 600 } .value { font-variant-numeric: tabular-nums }
`

// A bar is one system in a panel.
type bar struct {
	name  string
	value float64
	ours  bool
}

// bars gives those that did it, in the report's order.
func (r *report) bars(p panel) (all []bar) {
	w := r.row(p.name, p.metric)
	if w == nil {
		return nil
	}
	for i, l := range w.Cells {
		if s := r.Systems[i]; l != nil && s.only == "" {
			all = append(all, bar{s.Name, l.Median, s.ours})
		}
	}
	return all
}

// draw makes the chart, in which cases that were not measured have no panel.
func (r *report) draw() []byte {
	var body bytes.Buffer
	y := [2]int{headHeight, headHeight}
	column := 0
	for _, p := range panels {
		all := r.bars(p)
		if len(all) == 0 {
			continue
		}
		x := chartMargin + column*(panelWidth+panelGap)
		drawPanel(&body, x, y[column], p.title, all)
		y[column] += titleHeight + len(all)*barStep + panelGap/2
		if column++; column == 2 { // panels of a line begin at the same height
			column = 0
			y[0] = max(y[0], y[1])
			y[1] = y[0]
		}
	}
	height := max(y[0], y[1]) + chartMargin/2
	var out bytes.Buffer
	fmt.Fprintf(&out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %[1]d %[2]d\" role=\"img\">\n", chartWidth, height)
	fmt.Fprintf(&out, "<title>ucspitls beside others that do the same job</title>\n<style>%s</style>\n", chartStyle)
	fmt.Fprintf(&out, "<rect class=\"back\" width=\"%d\" height=\"%d\"/>\n", chartWidth, height)
	drawText(&out, "head text", "start", chartMargin, 26, "Less is better")
	drawText(&out, "soft", "start", chartMargin, 44, fmt.Sprintf("Medians of one run, TLS 1.3, prog's own needs included but for memory; %d × %s, %s, %s",
		r.Machine.CPUs, r.Machine.CPU, r.Machine.Kernel, r.Machine.Go))
	out.Write(body.Bytes())
	out.WriteString("</svg>\n")
	return out.Bytes()
}

func drawPanel(out *bytes.Buffer, x, y int, title string, all []bar) {
	drawText(out, "title text", "start", x, y+14, title)
	most := 0.0
	for _, b := range all {
		most = max(most, b.value)
	}
	for i, b := range all {
		top := y + titleHeight + i*barStep
		class, name := "bar", "soft"
		if b.ours {
			class, name = "ours", "text"
		}
		length := 1.0
		if most > 0 {
			length = max(length, b.value/most*barWidth)
		}
		drawText(out, name, "end", x+nameWidth-8, top+11, b.name)
		fmt.Fprintf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>\n", class, x+nameWidth, top, length, barHeight)
		drawText(out, name+" value", "start", x+nameWidth+int(length)+6, top+11, number(b.value))
	}
}

func drawText(out *bytes.Buffer, class, anchor string, x, y int, text string) {
	fmt.Fprintf(out, "<text class=\"%s\" text-anchor=\"%s\" x=\"%d\" y=\"%d\">", class, anchor, x, y)
	xml.EscapeText(out, []byte(text))
	out.WriteString("</text>\n")
}
