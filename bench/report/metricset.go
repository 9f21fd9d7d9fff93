package report

import (
	"fmt"
	"math"
	"strings"

	"mlbench/stats"
)

// told reports whether a figure is known and finite.
func told(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// metricSet collects samples by metric: those of one have to stand together.
type metricSet struct {
	order    []string
	families map[string]*strings.Builder
}

type label struct{ name, value string }

// add adds a sample of a gauge. NaN, which stands for what is not known, is none.
func (m *metricSet) add(name, help string, x float64, labels ...label) {
	if math.IsNaN(x) {
		return
	}
	family, ok := m.families[name]
	if !ok {
		if m.families == nil {
			m.families = make(map[string]*strings.Builder)
		}
		family = new(strings.Builder)
		m.families[name] = family
		m.order = append(m.order, name)
		fmt.Fprintf(family, "# HELP %s %s\n# TYPE %[1]s gauge\n", name, help)
		for _, unit := range []string{"seconds", "bytes", "ratio"} {
			if strings.HasSuffix(name, "_"+unit) { // as the format wants of a unit
				fmt.Fprintf(family, "# UNIT %s %s\n", name, unit)
			}
		}
	}
	family.WriteString(name)
	for i, l := range labels {
		family.WriteByte("{,"[min(i, 1)])
		fmt.Fprintf(family, `%s="%s"`, l.name, escapeLabel(l.value))
	}
	if len(labels) > 0 {
		family.WriteByte('}')
	}
	family.WriteString(" " + sample(x) + "\n")
}

// interval adds an estimate and the bounds of its interval; per is how many of
// the figure's own units make one of the metric's.
func (m *metricSet) interval(name, unit, help string, i stats.Interval, per float64, labels ...label) {
	if unit != "" {
		unit = "_" + unit
	}
	m.add(name+unit, help+".", i.Estimate/per, labels...)
	m.add(name+"_low"+unit, help+"; the lower bound of its interval.", i.Low/per, labels...)
	m.add(name+"_high"+unit, help+"; the upper bound of its interval.", i.High/per, labels...)
}

// states adds a sample of 1 for the state that is, and of 0 for all others
// that there are.
func (m *metricSet) states(name, help, is string, all []string, labels ...label) {
	for _, state := range all {
		x := 0.0
		if state == is {
			x = 1
		}
		m.add(name, help, x, append(labels[:len(labels):len(labels)], label{"verdict", state})...)
	}
}

// String is the whole file.
func (m *metricSet) String() string {
	var b strings.Builder
	for _, name := range m.order {
		b.WriteString(m.families[name].String())
	}
	b.WriteString("# EOF\n")
	return b.String()
}

// sample writes a value as both formats read it, to its last digit.
func sample(x float64) string {
	switch {
	case math.IsInf(x, 1):
		return "+Inf"
	case math.IsInf(x, -1):
		return "-Inf"
	}
	return float(x)
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// escapeLabel makes foreign text a label's value.
func escapeLabel(s string) string { return labelEscapes.Replace(brief(s, maxLine)) }
