package policy

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"mlbench/runner/image"
)

var digest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func (p *Policy) document(n *yaml.Node) error {
	r := &reader{}
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	if n.Kind != yaml.MappingNode {
		return errors.New("it has no section policy: begin it with the line \"policy:\"")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "policy" {
			section := n.Content[i+1]
			if err := r.fields(section, p.fields(r)); err != nil {
				return err
			}
			if len(section.Content) == 0 {
				return fmt.Errorf("line %d: the section policy is empty: it would let every image pass", n.Content[i].Line)
			}
			return nil
		}
	}
	return errors.New("it has no section policy: begin it with the line \"policy:\"")
}

func (p *Policy) fields(r *reader) map[string]field {
	return map[string]field{
		"bases":     r.list(p.base(r)),
		"forbidden": r.list(p.forbid(r)),
		"user": r.text(func(s string) error {
			p.User = s
			return nil
		}),
		"size":    r.mapping(p.sizes(r)),
		"python":  r.text(func(s string) (err error) { p.Python, err = ParseVersions(s); return err }),
		"libc":    r.text(p.libc),
		"labels":  r.pairs(p.label(r)),
		"reports": r.list(p.report(r)),
	}
}

func (p *Policy) base(r *reader) field {
	return func(n *yaml.Node) error {
		var b Base
		err := r.fields(n, map[string]field{
			"name": r.text(func(s string) error { b.Name = s; return nil }),
			"layers": r.list(r.text(func(s string) error {
				if !digest.MatchString(s) {
					return fmt.Errorf("%q is no digest of a layer, which is sha256: and 64 hexadecimal digits: those of an image are in docker image inspect, RootFS.Layers", s)
				}
				b.Layers = append(b.Layers, s)
				return nil
			})),
		})
		if err == nil && len(b.Layers) == 0 {
			err = fmt.Errorf("line %d: a base without layers: every image would be built upon it", n.Line)
		}
		p.Bases = append(p.Bases, b)
		return err
	}
}

func (p *Policy) forbid(r *reader) field {
	return func(n *yaml.Node) error {
		var f Forbidden
		if n.Kind == yaml.ScalarNode { // - name alone
			return r.text(func(s string) error {
				p.Forbidden = append(p.Forbidden, Forbidden{Name: s})
				return pattern(s)
			})(n)
		}
		err := r.fields(n, map[string]field{
			"name":     r.text(func(s string) error { f.Name = s; return pattern(s) }),
			"kind":     r.text(func(s string) (err error) { f.Kind, err = kind(s); return err }),
			"versions": r.text(func(s string) (err error) { f.Versions, err = ParseVersions(s); return err }),
			"why":      r.text(func(s string) error { f.Why = s; return nil }),
		})
		if err == nil && f.Name == "" {
			err = fmt.Errorf("line %d: a forbidden package without name; name: \"*\" is every one", n.Line)
		}
		p.Forbidden = append(p.Forbidden, f)
		return err
	}
}

func (p *Policy) sizes(r *reader) map[string]field {
	limit := func(add func(name string, n int64) error) field {
		return r.pairs(func(name string) field {
			return r.text(func(s string) error {
				n, err := ParseSize(s)
				if err != nil {
					return err
				}
				return add(name, n)
			})
		})
	}
	return map[string]field{
		"total": r.text(func(s string) (err error) { p.MaxBytes, err = ParseSize(s); return err }),
		"kinds": limit(func(name string, n int64) error {
			k, err := kind(name)
			p.Sizes = append(p.Sizes, Size{Kind: k, MaxBytes: n})
			return err
		}),
		"owners": limit(func(name string, n int64) error {
			s := Size{Name: name, MaxBytes: n}
			if before, after, ok := strings.Cut(name, "/"); ok && slices.Contains(image.OwnerKinds(), image.OwnerKind(before)) {
				s.Kind, s.Name = image.OwnerKind(before), after
			}
			p.Sizes = append(p.Sizes, s)
			return pattern(s.Name)
		}),
	}
}

func (p *Policy) libc(s string) (err error) {
	name, versions, _ := strings.Cut(strings.TrimSpace(s), " ")
	if name != "glibc" && name != "musl" {
		return fmt.Errorf("%q is neither glibc nor musl: e.g. libc: glibc >=2.31", name)
	}
	p.Libc.Name = name
	if versions = strings.TrimSpace(versions); versions != "" {
		p.Libc.Versions, err = ParseVersions(versions)
	}
	return err
}

func (p *Policy) label(r *reader) func(name string) field {
	return func(name string) field {
		return func(n *yaml.Node) error {
			l := Label{Name: name}
			if n.Tag != "!!null" {
				if err := r.text(func(s string) error { l.Value = s; return pattern(s) })(n); err != nil {
					return err
				}
			}
			p.Labels = append(p.Labels, l)
			return nil
		}
	}
}

func (p *Policy) report(r *reader) field {
	return func(n *yaml.Node) error {
		var report Report
		err := r.fields(n, map[string]field{
			"file": r.text(func(s string) error { report.File = s; return nil }),
			"vulnerabilities": r.pairs(func(name string) field {
				return r.text(func(s string) error {
					severity := strings.ToLower(name)
					if !slices.Contains(severities, severity) {
						return fmt.Errorf("severity %q is not known%s", name, nearest(severity, severities))
					}
					n, err := strconv.Atoi(s)
					if err != nil || n < 0 {
						return fmt.Errorf("%q is no number of vulnerabilities", s)
					}
					if report.Vulnerabilities == nil {
						report.Vulnerabilities = map[string]int{}
					}
					report.Vulnerabilities[severity] = n
					return nil
				})
			}),
			"ignore":     r.list(r.text(func(s string) error { report.Ignored = append(report.Ignored, s); return nil })),
			"fixed-only": r.text(func(s string) (err error) { report.FixedOnly, err = strconv.ParseBool(s); return err }),
			"forbidden-licences": r.list(r.text(func(s string) error {
				report.Licences = append(report.Licences, s)
				return pattern(s)
			})),
		})
		switch {
		case err != nil:
		case report.File == "":
			err = fmt.Errorf("line %d: a report without file", n.Line)
		case len(report.Vulnerabilities)+len(report.Licences) == 0:
			err = fmt.Errorf("line %d: a report of which nothing is asked: add vulnerabilities or forbidden-licences", n.Line)
		}
		p.Reports = append(p.Reports, report)
		return err
	}
}

func kind(s string) (image.OwnerKind, error) {
	k := image.OwnerKind(s)
	if !slices.Contains(image.OwnerKinds(), k) {
		var names []string
		for _, k := range image.OwnerKinds() {
			names = append(names, string(k))
		}
		return "", fmt.Errorf("kind %q is not known%s", s, nearest(s, names))
	}
	return k, nil
}

func pattern(s string) error {
	if _, err := path.Match(s, ""); err != nil {
		return fmt.Errorf("pattern %q: %w", s, err)
	}
	return nil
}

// ParseSize reads a size with its unit: MB is 10⁶ bytes, MiB is 2²⁰. 0 needs
// none.
func ParseSize(s string) (int64, error) {
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	unit, ok := map[string]float64{
		"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	}[strings.ToLower(strings.TrimSpace(s[len(digits):]))]
	x, err := strconv.ParseFloat(digits, 64)
	if err == nil && x == 0 {
		return 0, nil
	}
	if err != nil || !ok || !(x > 0 && x*unit < 1e18) {
		return 0, fmt.Errorf("%q is not a size with its unit: e.g. 800MB", s)
	}
	return int64(x * unit), nil
}
