package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
	"time"
)

//go:embed report.html.tmpl
var pageText string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"seconds": func(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) },
	"exactly": func(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) },
}).Parse(pageText))

// html is the report as a page that needs nothing else.
func (r *Report) html() ([]byte, error) {
	var b bytes.Buffer
	names, drawn := r.draw()
	err := page.Execute(&b, struct {
		*Report
		Names, Drawing template.HTML
		Colours        map[string]string
	}{r, template.HTML(names), template.HTML(drawn), colours}) // all text in it is escaped where it is written
	return b.Bytes(), err
}

// colours tell hosts apart, for the eyes of everyone (after Okabe and Ito).
var colours = map[string]string{
	"node1": "#0072b2", "node2": "#e69f00", "node3": "#009e73", "node4": "#cc79a7", "node5": "#56b4e9",
	"legacy1": "#8d8d8d", "legacy2": "#b5b5b5",
}

func colour(host string) string {
	if c, known := colours[host]; known {
		return c
	}
	return "#000000"
}

// Measures of the drawing, in pixels.
const (
	margin     = 100 // for names, on the left, which stay there when the rest is moved
	laneHeight = 46
	addrHeight = 26
	leastWidth = 1000
)

// drawing is a picture in the making.
type drawing struct {
	b     strings.Builder
	names strings.Builder
	scale float64 // pixels a second
	y     int
	end   time.Duration
}

// draw draws the time line: faults of the whole cluster, the nodes, the addresses, the clients; and the names beside it.
func (r *Report) draw() (names, drawn string) {
	d := &drawing{end: r.Took, scale: 6}
	if d.end > 10*time.Minute {
		d.scale = 3
	}
	d.scale = max(d.scale, leastWidth/max(d.end.Seconds(), 1))
	d.axis(r)
	d.common(r)
	for i := range r.Nodes {
		d.node(r, &r.Nodes[i])
	}
	for _, peer := range r.peers() {
		d.lane(peer, addrHeight)
		d.faultsOf(r, peer, addrHeight)
		d.y += addrHeight + 6
	}
	for _, a := range r.Addresses {
		d.address(r, a)
	}
	d.commands(r)
	d.findings(r)
	return d.picture(&d.names, margin, "names"), d.picture(&d.b, int(d.end.Seconds()*d.scale)+20, "time line")
}

func (d *drawing) picture(of *strings.Builder, width int, label string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s">%s</svg>`,
		width, d.y+10, width, d.y+10, label, of.String())
}

// findings draws a line through all that happened when a promise was broken.
func (d *drawing) findings(r *Report) {
	for i, f := range r.Findings() {
		fmt.Fprintf(&d.b, `<line id="finding%d" x1="%.1f" x2="%.1f" y1="14" y2="%d" class="finding"><title>%s</title></line>`+"\n",
			i, d.x(f.At), d.x(f.At), d.y, template.HTMLEscapeString(fmt.Sprintf("%.3f s: %s", f.At.Seconds(), f.Text)))
	}
}

func (r *Report) peers() (names []string) {
	seen := map[string]bool{}
	for _, f := range r.Faults {
		if strings.HasPrefix(f.On, "legacy") && !seen[f.On] {
			seen[f.On] = true
			names = append(names, f.On)
		}
	}
	return names
}

func (d *drawing) x(at time.Duration) float64 { return min(at, d.end).Seconds() * d.scale }

// bar draws a time; title is shown where the pointer is.
func (d *drawing) bar(from, to time.Duration, y, height int, style, title string) {
	fmt.Fprintf(&d.b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" %s><title>%s</title></rect>`+"\n",
		d.x(from), y, max(d.x(to)-d.x(from), 1), height, style, template.HTMLEscapeString(title))
}

func (d *drawing) text(x float64, y int, class, text string) {
	fmt.Fprintf(&d.b, `<text x="%.1f" y="%d" class="%s">%s</text>`+"\n", x, y, class, template.HTMLEscapeString(text))
}

// lane begins a row.
func (d *drawing) lane(name string, height int) {
	fmt.Fprintf(&d.b, `<rect x="0" y="%d" width="%.1f" height="%d" class="lane"/>`+"\n", d.y, d.end.Seconds()*d.scale, height)
	fmt.Fprintf(&d.names, `<text x="4" y="%d" class="name">%s</text>`+"\n", d.y+height/2+4, template.HTMLEscapeString(name))
}

// axis draws the seconds, and the end of the faults.
func (d *drawing) axis(r *Report) {
	step := 5 * time.Second
	for step.Seconds()*d.scale < 60 {
		step *= 2
	}
	height := 60 + len(r.Nodes)*(laneHeight+6) + (len(r.Addresses)+len(r.peers())+1)*(addrHeight+6)
	for at := time.Duration(0); at <= d.end; at += step {
		fmt.Fprintf(&d.b, `<line x1="%.1f" x2="%.1f" y1="18" y2="%d" class="grid"/>`+"\n", d.x(at), d.x(at), height)
		d.text(d.x(at)+2, 12, "tick", fmt.Sprintf("%.0f s", at.Seconds()))
	}
	d.y = 24
}

// common draws what concerns the cluster as a whole.
func (d *drawing) common(r *Report) {
	d.lane("cluster", addrHeight)
	for _, f := range r.Faults {
		if f.On == "" {
			d.fault(f, d.y+3, addrHeight-6)
		}
	}
	d.y += addrHeight + 6
}

// node draws one node: its daemon, its lease, whether it leads, and what is done to it.
func (d *drawing) node(r *Report, lane *Lane) {
	d.lane(lane.Node, laneHeight)
	for _, s := range lane.Up {
		d.bar(s.From, s.To, d.y+laneHeight-10, 8, fmt.Sprintf(`fill="%s" opacity="0.35"`, colour(lane.Node)), lane.Node+"'s daemon answers")
	}
	for _, s := range lane.Held {
		d.bar(s.From, s.To, d.y+laneHeight-10, 8, fmt.Sprintf(`fill="%s"`, colour(lane.Node)), lane.Node+" has a lease")
	}
	for _, s := range lane.Led {
		d.bar(s.From, s.To, d.y+laneHeight-15, 4, `class="leads"`, lane.Node+" leads")
	}
	for _, s := range lane.Earlier {
		d.bar(s.From, s.To, d.y+laneHeight-2, 2, `class="earlier"`, lane.Node+" runs the earlier vipd")
	}
	d.faultsOf(r, lane.Node, laneHeight-16)
	for _, e := range r.Endings {
		if e.Node == lane.Node {
			d.bar(e.At, e.At, d.y, laneHeight, `class="ended"`, fmt.Sprintf("%.1f s: ended by itself: %s", e.At.Seconds(), e.Said))
		}
	}
	d.y += laneHeight + 6
}

// faultsOf draws what is done to one host, in two rows: faults of different parts may overlap.
func (d *drawing) faultsOf(r *Report, host string, height int) {
	for _, f := range r.Faults {
		if f.On != host {
			continue
		}
		half := (height - 3) / 2
		y := d.y + 2
		if kindNamed(f.Kind).part != "process" {
			y += half + 1
		}
		d.fault(f, y, half)
	}
}

func (d *drawing) fault(f Deed, y, height int) {
	title := fmt.Sprintf("%s, from %.1f s to %.1f s", f.describe(), f.Struck.Seconds(), f.Mended.Seconds())
	class := "fault"
	if f.Error != "" {
		class, title = "fault vain", title+": "+f.Error
	}
	d.bar(f.Struck, f.Mended, y, height, `class="`+class+`"`, title)
	// A label needs room.
	if width := (f.Mended - f.Struck).Seconds() * d.scale; width > float64(6*len(f.Kind)) && height > 9 {
		d.text(d.x(f.Struck)+2, y+height/2+4, "label", f.Kind)
	}
}

// address draws who answered, where nobody did, and where two did.
func (d *drawing) address(r *Report, a Address) {
	d.lane(a.Address.String(), addrHeight)
	for _, s := range a.Holders {
		d.bar(s.From, s.To, d.y+4, addrHeight-8, fmt.Sprintf(`fill="%s"`, colour(s.Who)), fmt.Sprintf("%s (%s): %s answers, from %.2f s", a.Address, a.Group, s.Who, s.From.Seconds()))
	}
	for _, s := range a.Silences {
		d.bar(s.From, s.To, d.y+2, addrHeight-4, `class="silence"`, fmt.Sprintf("%s: silence of %v, from %.2f s", a.Address, (s.To-s.From).Round(time.Millisecond), s.From.Seconds()))
	}
	for _, two := range r.Doubles {
		if two.Address != a.Address {
			continue
		}
		class := "handover"
		if two.Violation {
			class = "violation"
		}
		d.bar(two.From, two.To+time.Duration(float64(2*time.Second)/d.scale), d.y, addrHeight, `class="`+class+`"`,
			fmt.Sprintf("%s and %s both answer, for %v from %.3f s", two.Hosts[0], two.Hosts[1], two.To-two.From, two.From.Seconds()))
	}
	d.y += addrHeight + 6
}

// commands draws the clients' commands: one tick each.
func (d *drawing) commands(r *Report) {
	d.lane("clients", addrHeight)
	for _, op := range r.Commands {
		class, y := "answered", d.y+addrHeight/2
		if op.Error != "" {
			class, y = "unanswered", d.y+2
		}
		d.bar(op.Call, op.Call, y, addrHeight/2-2, `class="`+class+`"`, fmt.Sprintf("%s of %d at %s, from %.2f s to %.2f s %s", op.Kind, op.Value, op.Node, op.Call.Seconds(), op.Return.Seconds(), op.Error))
	}
	d.y += addrHeight + 6
}
