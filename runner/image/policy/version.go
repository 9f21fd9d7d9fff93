package policy

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"mlbench/runner/image"
)

// Versions are conditions that a version has to meet, all of them. None are met
// by every version.
type Versions []condition

// A condition is an operator and a version: 3.12 is met by 3.12.7, too.
type condition struct{ op, version string }

var conditionText = regexp.MustCompile(`^(<=|>=|<|>|==|=|!=)?\s*([0-9A-Za-z][0-9A-Za-z.+~:_^!-]*)$`)

// ParseVersions reads conditions with commas between them: ">=3.11, <3.13". A
// version without operator is met by all that begin with its parts.
func ParseVersions(s string) (Versions, error) {
	var v Versions
	for part := range strings.SplitSeq(s, ",") {
		m := conditionText.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil || len(part) > 100 {
			return nil, fmt.Errorf("%q is no condition on a version: e.g. 3.12, or >=3.11,<3.13", s)
		}
		op := m[1]
		if op == "=" {
			op = "=="
		}
		v = append(v, condition{op, m[2]})
	}
	return v, nil
}

func (v Versions) String() string {
	var parts []string
	for _, c := range v {
		parts = append(parts, c.op+c.version)
	}
	return strings.Join(parts, ", ")
}

// Hold reports whether a version of a kind of package meets the conditions.
func (v Versions) Hold(kind image.OwnerKind, version string) bool {
	for _, c := range v {
		if !c.holds(kind, version) {
			return false
		}
	}
	return true
}

func (c condition) holds(kind image.OwnerKind, version string) bool {
	order := compare(kind, version, c.version)
	switch c.op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "==":
		return order == 0
	case "!=":
		return order != 0
	}
	rest, ok := strings.CutPrefix(version, c.version)
	return ok && (rest == "" || strings.ContainsAny(rest[:1], ".-+~"))
}

// compare orders versions as the kind's package manager does: less than 0 where
// a comes first.
func compare(kind image.OwnerKind, a, b string) int {
	switch kind {
	case image.Pip, image.Conda, image.Runtime:
		return comparePython(a, b)
	case image.Apk:
		return compareDebian(alpine.Replace(a), alpine.Replace(b))
	}
	return compareDebian(a, b)
}

// What comes before a release and after it in Alpine's versions (apk-tools,
// version.c) in Debian's signs.
var alpine = strings.NewReplacer("_alpha", "~a", "_beta", "~b", "_pre", "~p", "_rc", "~r", "_p", ".0p")

// compareDebian orders as dpkg does (deb-version(7)), which rpm's order agrees
// with but for signs that its versions seldom have.
func compareDebian(a, b string) int {
	epochA, a := epoch(a)
	epochB, b := epoch(b)
	upstreamA, revisionA := revision(a)
	upstreamB, revisionB := revision(b)
	return cmp.Or(cmp.Compare(epochA, epochB), compareParts(upstreamA, upstreamB), compareParts(revisionA, revisionB))
}

func epoch(v string) (n int, rest string) {
	if before, after, ok := strings.Cut(v, ":"); ok {
		if n, err := strconv.Atoi(before); err == nil {
			return n, after
		}
	}
	return 0, v
}

func revision(v string) (upstream, revision string) {
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		return v[:i], v[i+1:]
	}
	return v, ""
}

// compareParts goes through turns of other signs and digits.
func compareParts(a, b string) int {
	for a != "" || b != "" {
		for a != "" && !isDigit(a[0]) || b != "" && !isDigit(b[0]) {
			if order := rank(a) - rank(b); order != 0 {
				return order
			}
			a, b = a[min(1, len(a)):], b[min(1, len(b)):]
		}
		numberA, restA := digits(a)
		numberB, restB := digits(b)
		if order := compareNumbers(numberA, numberB); order != 0 {
			return order
		}
		a, b = restA, restB
	}
	return 0
}

// rank of the first sign: a tilde comes before the end, letters after it, and
// all others after these.
func rank(s string) int {
	switch {
	case s == "" || isDigit(s[0]):
		return 0
	case s[0] == '~':
		return -1
	case s[0] >= 'a' && s[0] <= 'z', s[0] >= 'A' && s[0] <= 'Z':
		return int(s[0])
	}
	return int(s[0]) + 256
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func digits(s string) (number, rest string) {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return s[:n], s[n:]
}

// compareNumbers orders digits of any length.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// pep440 are the parts of a version as PyPI has them (PEP 440, appendix B).
var pep440 = regexp.MustCompile(`^v?(?:(\d+)!)?(\d+(?:\.\d+)*)[-_.]?((?:a|b|rc|c|alpha|beta|pre|preview)[-_.]?\d*)?(?:-(\d+)|[-_.]?(?:post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$`)

// comparePython orders by PEP 440, and as dpkg what is none. A local part, such
// as +cu121, only counts where both have one: torch==2.3.0 is met by 2.3.0+cu121.
func comparePython(a, b string) int {
	x, y := pep440.FindStringSubmatch(strings.ToLower(a)), pep440.FindStringSubmatch(strings.ToLower(b))
	if x == nil || y == nil {
		return compareDebian(a, b)
	}
	order := cmp.Or(
		compareNumbers(x[1], y[1]), compareReleases(x[2], y[2]),
		compareParts(before(x), before(y)), compareParts(after(x), after(y)), compareParts(dev(x), dev(y)),
	)
	if order == 0 && x[8] != "" && y[8] != "" {
		order = compareParts(x[8], y[8])
	}
	return order
}

// compareReleases orders 1.2 and 1.2.0 as the same.
func compareReleases(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		var m, n string
		if i < len(x) {
			m = x[i]
		}
		if i < len(y) {
			n = y[i]
		}
		if order := compareNumbers(m, n); order != 0 {
			return order
		}
	}
	return 0
}

// before is what comes before a release: 1.0.dev1, 1.0a1, 1.0rc1, 1.0.
func before(m []string) string {
	switch p := strings.NewReplacer("alpha", "a", "beta", "b", "preview", "rc", "pre", "rc", "-", "", "_", "", ".", "").Replace(m[3]); {
	case p == "" && m[6] != "" && m[4] == "" && !hasPost(m):
		return "A" // a development release comes before all others
	case p == "":
		return "z"
	case p[0] == 'c':
		return "r" + p
	default:
		return p
	}
}

func hasPost(m []string) bool {
	return m[4] != "" || m[5] != "" || strings.Contains(m[0], "post") || strings.Contains(m[0], "rev")
}

func after(m []string) string {
	if hasPost(m) {
		return "p" + m[4] + m[5]
	}
	return ""
}

func dev(m []string) string {
	if m[6] == "" {
		return "z"
	}
	return "d" + m[7]
}
