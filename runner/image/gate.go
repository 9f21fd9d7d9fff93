package image

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// A Verdict is what a gate says of an image.
type Verdict string

// The verdicts.
const (
	Pass Verdict = "pass"
	Fail Verdict = "fail"
)

// The gates.
const (
	GateSize     = "size"
	GateSeverity = "severity"
	GatePolicy   = "policy"
)

// A Gate is something that was asked of an image.
type Gate struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why"`
}

// Limits are what is asked of an image. The zero value asks for nothing.
type Limits struct {
	MaxBytes *int64   // of its unpacked layers
	Severity Severity // no finding may be as severe as that; "" asks for nothing
	Broken   *int     // how many rules of a policy are broken; nil for no policy
}

// Judge sets the report's gates and its verdict.
func (r *Report) Judge(l Limits) {
	r.Gates, r.Verdict = []Gate{}, Pass
	if l.MaxBytes != nil {
		r.Gates = append(r.Gates, sizeGate(r.UnpackedBytes, *l.MaxBytes))
	}
	if l.Severity != "" {
		var severe int
		for _, f := range r.Findings {
			if f.Severity.rank() >= l.Severity.rank() {
				severe++
			}
		}
		g := Gate{GateSeverity, Pass, fmt.Sprintf("no finding of severity %s or above", l.Severity)}
		if severe > 0 {
			g.Verdict, g.Why = Fail, fmt.Sprintf("findings of severity %s or above: %d", l.Severity, severe)
		}
		r.Gates = append(r.Gates, g)
	}
	if l.Broken != nil {
		g := Gate{GatePolicy, Pass, "no rule is broken"}
		if *l.Broken > 0 {
			g.Verdict, g.Why = Fail, fmt.Sprintf("broken rules: %d", *l.Broken)
		}
		r.Gates = append(r.Gates, g)
	}
	if slices.ContainsFunc(r.Gates, func(g Gate) bool { return g.Verdict == Fail }) {
		r.Verdict = Fail
	}
}

func sizeGate(size, limit int64) Gate {
	have, most := megabytes(size), megabytes(limit)
	if have == most && size != limit {
		have, most = fmt.Sprintf("%d bytes", size), fmt.Sprintf("%d bytes", limit)
	}
	if size > limit {
		return Gate{GateSize, Fail, have + " unpacked, over " + most}
	}
	return Gate{GateSize, Pass, have + " unpacked, at most " + most}
}

// megabytes writes a size as flags take it, with four digits.
func megabytes(n int64) string {
	x, digits := float64(n)/1e6, 3
	for limit := 10.0; x >= limit && digits > 0; limit *= 10 {
		digits--
	}
	return strconv.FormatFloat(math.Round(x*math.Pow10(digits))/math.Pow10(digits), 'f', -1, 64) + " MB"
}
