package report

import (
	"fmt"
	"slices"
	"strings"

	"mlbench/runner/image"
)

const (
	named    = 3   // how many reasons a sentence names
	maxTitle = 120 // how many characters a sentence has of a finding
)

// imageSentence says, for people to paste, what an image is made of.
func imageSentence(r *image.Report) string {
	s := fmt.Sprintf("%s is %s", imageName(r), bytes(r.UnpackedBytes))
	if reasons := weighty(r.Reasons); len(reasons) > 0 {
		var parts []string
		for _, g := range reasons[:cut(len(reasons), named)] {
			parts = append(parts, word(g.Reason)+" "+bytes(g.Bytes))
		}
		if more := len(reasons) - len(parts); more > 0 {
			parts = append(parts, fmt.Sprintf("and %d more", more))
		}
		s += ": " + strings.Join(parts, ", ")
	}
	s += "; " + findingsInShort(r)
	for _, f := range r.Findings {
		if heaviest(r.Findings, f) {
			s += " (" + shorten(titleOf(f), maxTitle) + ")"
			break
		}
	}
	return s + "." + failedGates(r)
}

// weighty are those that have any bytes.
func weighty(reasons []image.ReasonShare) []image.ReasonShare {
	return slices.DeleteFunc(slices.Clone(reasons), func(g image.ReasonShare) bool { return g.Bytes == 0 })
}

// heaviest reports whether no finding weighs more than this one, and it weighs
// anything.
func heaviest(findings []image.Finding, f image.Finding) bool {
	for _, other := range findings {
		if other.Bytes > f.Bytes {
			return false
		}
	}
	return f.Bytes > 0
}

func failedGates(r *image.Report) string {
	s := ""
	for _, g := range r.Gates {
		if g.Verdict == image.Fail {
			s += fmt.Sprintf(" Gate %s failed: %s.", word(g.Name), brief(g.Why, maxLine))
		}
	}
	return s
}

// differenceSentence says, for people to paste, how two images differ.
func differenceSentence(d *image.Difference) string {
	before, after := differenceNames(d)
	s := after
	change := d.Changed.Bytes()
	switch {
	case change == 0:
		s += fmt.Sprintf(" is as large as %s (%s)", before, bytes(d.Changed.New))
	case d.Changed.Old <= 0:
		s += fmt.Sprintf(" is %s and %s is empty", bytes(d.Changed.New), before)
	default:
		word := "smaller"
		if change > 0 {
			word = "larger"
		}
		s += fmt.Sprintf(" is %s %s than %s (%s)", plain(float64(change)/float64(d.Changed.Old)), word, before, bytes(max(change, -change)))
	}
	var parts []string
	for _, g := range d.Reasons {
		if n := g.Bytes.Bytes(); n != 0 && len(parts) < named {
			parts = append(parts, word(g.Reason)+" "+signedBytes(n))
		}
	}
	if len(parts) > 0 {
		s += ": " + strings.Join(parts, ", ")
	}
	return s + "; " + findingsChanged(d) + "." + failedGates(d.New)
}

// findingsChanged counts findings on both sides.
func findingsChanged(d *image.Difference) string {
	if len(d.Findings.Fixed)+len(d.Findings.New)+len(d.Findings.Kept) == 0 {
		return "nothing was found wrong with either"
	}
	return fmt.Sprintf("%s fixed, %d new, %d still there", plural(len(d.Findings.Fixed), "finding"), len(d.Findings.New), len(d.Findings.Kept))
}

// signedBytes writes a change of a size.
func signedBytes(n int64) string {
	switch {
	case n < 0:
		return "−" + bytes(-n)
	case n > 0:
		return "+" + bytes(n)
	}
	return "0 B"
}
