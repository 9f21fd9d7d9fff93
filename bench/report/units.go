package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"mlbench/bench"
	"mlbench/stats"
)

const (
	unknown = "–"       // stands where a figure is not known
	notYet  = "not yet" // stands where an interval is not known yet
	never   = "never"   // is the time of a candidate most of whose starts failed
)

// milliseconds writes a time with three significant digits and a fitting unit.
func milliseconds(ms float64) string {
	switch {
	case math.IsNaN(ms):
		return unknown
	case math.IsInf(ms, 0):
		return sign(ms) + "∞"
	}
	unit := unitFor(ms)
	return unit.number(ms) + unit.name
}

// A unit is one that figures are written in.
type unit struct {
	name  string
	base  float64 // so many milliseconds, or bytes
	whole bool    // there are no fractions of it
}

func unitFor(ms float64) unit {
	if math.Abs(ms) >= 999.5 {
		return unit{name: " s", base: 1000}
	}
	return unit{name: " ms", base: 1}
}

// number writes a figure in the unit with three significant digits.
func (u unit) number(x float64) string {
	x /= u.base
	switch {
	case math.IsInf(x, 0):
		return sign(x) + "∞"
	case u.whole, math.Abs(x) >= 99.95:
		return number(x, 0)
	case math.Abs(x) >= 9.995:
		return number(x, 1)
	}
	return number(x, 2)
}

// signed is number with its sign, for changes.
func (u unit) signed(x float64) string {
	s := u.number(x)
	if x > 0 && strings.Trim(s, "0.") != "" {
		return "+" + s
	}
	return s
}

// limit writes a time that somebody chose: to its last digit, and no more.
func limit(ms float64) string {
	u := unitFor(ms)
	return exact(ms/u.base) + u.name
}

// exact writes a number that somebody chose.
func exact(x float64) string {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'e', 8, 64), 64) // 0.07·100 is just over 7
	if err != nil {
		rounded = x
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// chosen is a fraction that somebody chose as a percentage: "12.5 %".
func chosen(x float64) string { return exact(100*x) + " %" }

// isKnown reports whether an interval of times, or of their changes, says
// anything: the least change there is is −100 %.
func isKnown(low, high float64) bool {
	return !math.IsInf(high, 1) || !math.IsInf(low, -1) && low > -1
}

// withInterval writes a time with its interval, "2.95 s [2.32, 3.80]", in one
// unit.
func withInterval(i stats.Interval) string { return intervalIn(unitFor(i.Estimate), i) }

func intervalIn(u unit, i stats.Interval) string {
	if math.IsNaN(i.Estimate) {
		return unknown
	}
	if math.IsInf(i.Estimate, 1) {
		if math.IsInf(i.Low, 0) {
			return never
		}
		return never + " [" + milliseconds(i.Low) + ", ∞]"
	}
	s := u.number(i.Estimate) + u.name
	if !isKnown(i.Low, i.High) {
		return s + " [" + notYet + "]"
	}
	return s + " [" + u.number(max(i.Low, 0)) + ", " + u.number(i.High) + "]"
}

// changeWithInterval writes a change with its interval,
// "−42.9 % [−50.8, −33.8]".
func changeWithInterval(c bench.Change) string {
	if math.IsNaN(c.Estimate) {
		return unknown
	}
	s := percent(c.Estimate)
	switch {
	case math.IsInf(c.Estimate, 1):
		s = "fails"
	case c.Estimate <= -1:
		s = "baseline fails"
	}
	switch {
	case c.Low == c.High && (math.IsInf(c.Low, 1) || c.Low <= -1):
		return s
	case !isKnown(c.Low, c.High):
		return s + " [" + notYet + "]"
	}
	return s + " [" + strings.TrimSuffix(percent(c.Low), " %") + ", " + strings.TrimSuffix(percent(c.High), " %") + "]"
}

// percent writes a fraction as a signed percentage: one digit after the
// point, none from 100 % on.
func percent(x float64) string {
	switch {
	case math.IsNaN(x):
		return unknown
	case math.IsInf(x, 0):
		return sign(x) + "∞"
	}
	digits := 1
	if math.Abs(x) >= 0.9995 {
		digits = 0
	}
	s := number(100*x, digits)
	if x > 0 && s != "0.0" {
		s = "+" + s
	}
	return s + " %"
}

// plain is a percentage without sign, for sentences: "38 %".
func plain(x float64) string {
	x = math.Abs(x)
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return "∞ %"
	}
	digits := 0
	if x < 0.0995 {
		digits = 1
	}
	return strings.TrimSuffix(number(100*x, digits), ".0") + " %"
}

// bytes writes a size in decimal units, as flags have them.
func bytes(n int64) string {
	switch {
	case n >= 999_500_000:
		return number(float64(n)/1e9, 2) + " GB"
	case n >= 999_500:
		return number(float64(n)/1e6, 0) + " MB"
	case n >= 1000:
		return number(float64(n)/1e3, 0) + " kB"
	}
	return strconv.FormatInt(n, 10) + " B"
}

// number writes with a true minus sign.
func number(x float64, digits int) string {
	s := strconv.FormatFloat(x, 'f', digits, 64)
	if rest, negative := strings.CutPrefix(s, "-"); negative {
		if strings.Trim(rest, "0.") == "" {
			return rest // not minus nothing
		}
		return "−" + rest
	}
	return s
}

func sign(x float64) string {
	if x < 0 {
		return "−"
	}
	return ""
}

// quantile writes a quantile as p90 or p99.9.
func quantile(q float64) string { return "p" + exact(100*q) }

func plural(n int, one string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, one)
	}
	return fmt.Sprintf("%d %ss", n, one)
}
