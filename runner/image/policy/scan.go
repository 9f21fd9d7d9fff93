package policy

import (
	"cmp"
	"io"
	"slices"
)

// A Scan is what a scanner found in an image, for whoever shows it.
type Scan struct {
	Tool            string          // "trivy", "grype" or "syft", which looks for no vulnerabilities
	Vulnerabilities []Vulnerability // no two alike, the most severe first
}

// A Vulnerability is one of a package. All of it but the severity is foreign text.
type Vulnerability struct {
	ID, Package, Version string
	Severity             string // one of Severities
	Fixed                bool   // there is a version without it
}

// Severities of vulnerabilities, the worst first. What a scanner calls otherwise
// counts as the last.
func Severities() []string {
	worst := slices.Clone(severities)
	slices.Reverse(worst)
	return worst
}

// ReadScan reads a report of trivy, grype or syft, whichever it is. Its errors
// wrap ErrMalformed and name the report.
func ReadScan(r io.Reader, name string) (*Scan, error) {
	s, err := readScan(r, name)
	if err != nil {
		return nil, err
	}
	found := &Scan{Tool: s.tool}
	seen := make(map[vulnerability]bool)
	for _, v := range s.vulnerabilities {
		if !slices.Contains(severities, v.severity) {
			v.severity = severities[0]
		}
		if !seen[v] {
			seen[v] = true
			found.Vulnerabilities = append(found.Vulnerabilities, Vulnerability{v.id, v.pkg, v.version, v.severity, v.fixed})
		}
	}
	slices.SortFunc(found.Vulnerabilities, func(a, b Vulnerability) int {
		return cmp.Or(
			cmp.Compare(slices.Index(severities, b.Severity), slices.Index(severities, a.Severity)),
			cmp.Compare(a.ID, b.ID), cmp.Compare(a.Package, b.Package), cmp.Compare(a.Version, b.Version),
		)
	})
	return found, nil
}
