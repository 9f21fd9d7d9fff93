package report

import (
	"math"
	"strconv"
	"strings"
)

// A drawing is a piece of SVG that is as wide as there is room: across, places
// are fractions of the width, which SVG takes as percentages, and down they are
// pixels. So text keeps its size on a phone, as it does not in a drawing that is
// scaled as a whole. How things look, in the dark too, is their class's to say.
type drawing struct {
	height int
	label  string // what a screen reader says; "" where it is said beside it
	b      strings.Builder
}

// across is a place as a percentage; what lies far outside stays near.
func across(x float64) string {
	if math.IsNaN(x) {
		x = 0
	}
	return figures(100*min(max(x, -1), 2)) + "%"
}

// figures writes a number with two digits after the point at most.
func figures(x float64) string {
	return strconv.FormatFloat(math.Round(100*x)/100+0, 'f', -1, 64) // + 0: not minus nothing
}

// tag writes an element; names and values of attributes alternate. A title is
// what pointing at it shows.
func (d *drawing) tag(name, title string, attributes ...string) {
	d.b.WriteString("<" + name)
	for i := 0; i+1 < len(attributes); i += 2 {
		d.b.WriteString(" " + attributes[i] + `="` + attributes[i+1] + `"`)
	}
	if title == "" {
		d.b.WriteString("/>")
		return
	}
	d.b.WriteString("><title>" + string(escapeHTML(title)) + "</title></" + name + ">")
}

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	d.tag("line", "", "class", class, "x1", across(x1), "y1", figures(y1), "x2", across(x2), "y2", figures(y2))
}

// rect is from x1 to x2.
func (d *drawing) rect(class string, x1, x2, y, height float64, title string) {
	d.tag("rect", title, "class", class, "x", across(x1), "y", figures(y), "width", across(max(x2-x1, 0)), "height", figures(height))
}

func (d *drawing) dot(class string, x, y, r float64, title string) {
	d.tag("circle", title, "class", class, "cx", across(x), "cy", figures(y), "r", figures(r))
}

// mark draws a path about a place, in pixels.
func (d *drawing) mark(class string, x, y float64, path, title string) {
	d.b.WriteString(`<svg class="mark" x="` + across(x) + `" y="` + figures(y) + `" width="1" height="1">`)
	d.tag("path", title, "class", class, "d", path)
	d.b.WriteString("</svg>")
}

// Marks that differ by shape.
const (
	cross     = "M-4 -4L4 4M-4 4L4 -4"
	triangle  = "M-4.5 3.5L0 -4.5L4.5 3.5Z"
	toTheLeft = "M5 -5L-3 0L5 5Z"
	toRight   = "M-5 -5L3 0L-5 5Z"
)

func (d *drawing) text(class string, x, y float64, s string) {
	d.b.WriteString(`<text class="` + class + `" x="` + across(x) + `" y="` + figures(y) + `">` + string(escapeHTML(s)) + "</text>")
}

// clipped is text in a box from x1 to x2, and cut off where that ends.
func (d *drawing) clipped(class string, x1, x2, y, height float64, s string) {
	d.b.WriteString(`<svg x="` + across(x1) + `" y="` + figures(y) + `" width="` + across(max(x2-x1, 0)) + `" height="` + figures(height) + `"><text class="` + class +
		`" x="5" y="` + figures(height/2+4) + `">` + string(escapeHTML(s)) + "</text></svg>")
}

// curves are the paths of several lines, in a box of 1000 by 1000 that is
// stretched to the whole drawing; the lines are not.
func (d *drawing) curves(class string, paths []string) {
	d.b.WriteString(`<svg class="curves" width="100%" height="100%" viewBox="0 0 1000 1000" preserveAspectRatio="none">`)
	for _, p := range paths {
		d.tag("path", "", "class", class, "d", p)
	}
	d.b.WriteString("</svg>")
}

// svg is the whole. It is safe as text comes into it by escapeHTML alone, and
// all else is numbers and words of this package. It is its class that shows it:
// where the page's style is not applied, as Jenkins does with artifacts
// (jenkins.io/doc/book/security/configuring-content-security-policy), all of it
// would be black.
func (d *drawing) svg() markup {
	how := `aria-hidden="true"`
	if d.label != "" {
		how = `role="img" aria-label="` + string(escapeHTML(d.label)) + `"`
	}
	return markup(`<svg class="plot" display="none" width="100%" height="` + strconv.Itoa(d.height) + `" ` + how + `>` + d.b.String() + `</svg>`)
}

// A scaling places values between two bounds.
type scaling struct {
	low, high float64
	log       bool // equal shares are equally far apart
}

func (s scaling) at(x float64) float64 {
	low, high := s.low, s.high
	if s.log {
		x, low, high = math.Log(x), math.Log(low), math.Log(high)
	}
	if !(high > low) {
		return 0.5
	}
	return (x - low) / (high - low)
}

// ticks are round values in the scaling, about as many as wanted.
func (s scaling) ticks(wanted int) []float64 {
	span := s.high - s.low
	if !(span > 0) || math.IsInf(span, 0) {
		return nil
	}
	step := math.Pow(10, math.Floor(math.Log10(span/float64(wanted))))
	for _, times := range []float64{1, 2, 5, 10} {
		if span/(step*times) <= float64(wanted)+0.5 {
			step *= times
			break
		}
	}
	var ticks []float64
	for n := math.Ceil(s.low / step); n*step <= s.high && len(ticks) < 50; n++ {
		ticks = append(ticks, n*step)
	}
	return ticks
}
