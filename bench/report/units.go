package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// unknown stands where a figure is not known.
const unknown = "–"

// milliseconds writes a time with three significant digits and a fitting unit.
func milliseconds(ms float64) string {
	switch {
	case math.IsNaN(ms):
		return unknown
	case math.IsInf(ms, 0):
		return sign(ms) + "∞"
	case math.Abs(ms) >= 100_000:
		return number(ms/1000, 0) + " s"
	case math.Abs(ms) >= 9_995:
		return number(ms/1000, 1) + " s"
	case math.Abs(ms) >= 999.5:
		return number(ms/1000, 2) + " s"
	case math.Abs(ms) >= 99.5:
		return number(ms, 0) + " ms"
	case math.Abs(ms) >= 9.95:
		return number(ms, 1) + " ms"
	}
	return number(ms, 2) + " ms"
}

// interval writes "[low, high]" of times.
func interval(low, high float64) string {
	return "[" + milliseconds(low) + ", " + milliseconds(high) + "]"
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
	if x > 0 && !strings.HasPrefix(s, "0.0") {
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
	}
	return number(float64(n)/1e3, 0) + " kB"
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
func quantile(q float64) string {
	return "p" + strconv.FormatFloat(math.Round(q*1e6)/1e4, 'f', -1, 64)
}

func plural(n int, one string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, one)
	}
	return fmt.Sprintf("%d %ss", n, one)
}
