package policy

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker/go-units"

	"mlbench/runner/image"
	"mlbench/runner/image/installed"
)

// maxEvidence are the lines of one finding.
const maxEvidence = 20

// Check holds an image against the policy. Each rule that it breaks is a finding
// of severity high. The error is of a report that cannot be read.
func (p *Policy) Check(x *image.Index, o *image.Owners) ([]image.Finding, error) {
	all := slices.Concat(
		p.checkBase(x), p.checkForbidden(o), p.checkUser(x), p.checkSize(x, o), p.checkPython(x, o), p.checkLibc(x, o), p.checkLabels(x),
	)
	for _, r := range p.Reports {
		found, err := p.checkReport(x, r)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func finding(id, title, remedy string, bytes int64, evidence ...string) image.Finding {
	if n := len(evidence) - maxEvidence; n > 0 {
		evidence = append(evidence[:maxEvidence:maxEvidence], fmt.Sprintf("and %d more", n))
	}
	return image.Finding{ID: "policy-" + id, Severity: image.High, Title: title, Bytes: bytes, Evidence: evidence, Remedy: remedy}
}

func (p *Policy) checkBase(x *image.Index) []image.Finding {
	if len(p.Bases) == 0 {
		return nil
	}
	var names []string
	for _, b := range p.Bases {
		names = append(names, cmp.Or(b.Name, b.Layers[0]))
		if len(b.Layers) > len(x.Layers) {
			continue
		}
		same := true
		for i, l := range b.Layers {
			same = same && x.Layers[i].DiffID == l
		}
		if same {
			return nil
		}
	}
	var evidence []string
	for _, l := range x.Layers {
		evidence = append(evidence, "begins with "+l.DiffID)
		break
	}
	return []image.Finding{finding(
		"base", "it is built upon no base that is allowed", "FROM one of "+strings.Join(names[:min(len(names), 10)], ", ")+", in the version that the policy has the layers of", 0, evidence...,
	)}
}

func (p *Policy) checkForbidden(o *image.Owners) (all []image.Finding) {
	for _, f := range p.Forbidden {
		var bytes int64
		var evidence []string
		for _, owned := range o.All {
			if f.matches(owned.Owner) {
				bytes += owned.Bytes
				evidence = append(evidence, describe(owned.Owner))
			}
		}
		if len(evidence) > 0 {
			title := "package " + f.Name + " is forbidden"
			if f.Versions != nil {
				title = "package " + f.Name + " is forbidden in versions " + f.Versions.String()
			}
			all = append(all, finding("package", title, cmp.Or(f.Why, "leave it out, or install another version"), bytes, evidence...))
		}
	}
	return all
}

// matches reports whether a package is forbidden. Owners that are no packages
// never are, unless their kind is named.
func (f Forbidden) matches(o image.Owner) bool {
	if f.Kind == "" && !o.Kind.IsPackage() || f.Kind != "" && f.Kind != o.Kind {
		return false
	}
	return matches(f.Name, o) && f.Versions.Hold(o.Kind, o.Version)
}

// matches compares names as their package managers do: PyPI's do not tell - from
// _ nor great letters from small ones (PEP 503).
func matches(pattern string, o image.Owner) bool {
	name := o.Name
	if o.Kind == image.Pip {
		name, pattern = installed.Normal(name), installed.Normal(pattern)
	}
	ok, _ := path.Match(pattern, name)
	return ok
}

func describe(o image.Owner) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", o.Kind, o.Name, o.Version))
}

func (p *Policy) checkUser(x *image.Index) []image.Finding {
	if p.User == "" {
		return nil
	}
	user, _, _ := strings.Cut(x.Config.Run.User, ":")
	uid, known := x.UID(user)
	switch {
	case p.User == "non-root" && !(known && uid == 0):
		return nil
	case p.User != "non-root" && p.User == user:
		return nil
	case p.User != "non-root":
		if wanted, ok := x.UID(p.User); ok && known && wanted == uid {
			return nil
		}
	}
	return []image.Finding{finding("user", "it runs as another user than it must", "USER "+strings.Replace(p.User, "non-root", "10001", 1), 0,
		fmt.Sprintf("user is %q, must be %s", x.Config.Run.User, p.User))}
}

// sizes are units as the reports write them.
var sizes = []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}

func (p *Policy) checkSize(x *image.Index, o *image.Owners) (all []image.Finding) {
	over := func(what string, bytes, limit int64, evidence ...string) {
		if bytes > limit {
			all = append(all, finding("size", fmt.Sprintf("%s may have %s at most", what, units.CustomSize("%.4g %s", float64(limit), 1000, sizes)),
				"see what is largest in it, or raise the limit", bytes-limit, append([]string{"has " + units.CustomSize("%.4g %s", float64(bytes), 1000, sizes)}, evidence...)...))
		}
	}
	if p.MaxBytes > 0 {
		over("the image", x.UnpackedBytes(), p.MaxBytes)
	}
	for _, s := range p.Sizes {
		if s.Name == "" {
			var sum int64
			for _, owned := range o.All {
				if owned.Kind == s.Kind {
					sum += owned.Bytes
				}
			}
			over("all of kind "+string(s.Kind), sum, s.MaxBytes)
			continue
		}
		for _, owned := range o.All {
			if (s.Kind == "" || s.Kind == owned.Kind) && matches(s.Name, owned.Owner) {
				over(describe(owned.Owner), owned.Bytes, s.MaxBytes)
			}
		}
	}
	return all
}

func (p *Policy) checkLabels(x *image.Index) (all []image.Finding) {
	for _, l := range p.Labels {
		value := x.Config.Run.Labels[l.Name]
		ok, _ := path.Match(l.Value, value)
		if value == "" || l.Value != "" && !ok {
			all = append(all, finding("label", "label "+l.Name+" is missing or other than it must be", "LABEL "+l.Name+"="+cmp.Or(l.Value, "…"), 0,
				fmt.Sprintf("it is %q", value)))
		}
	}
	return all
}
