package policy

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"mlbench/runner/image"
)

// A runtime is a Python or a C library that is in an image.
type runtime struct {
	name, version string // version is "" where it cannot be told
	kind          image.OwnerKind
	where         string
}

func (r runtime) String() string {
	version := r.version
	if version == "" {
		version = "of a version that cannot be told"
	}
	return fmt.Sprintf("%s %s (%s)", r.name, version, r.where)
}

func (p *Policy) checkPython(x *image.Index, o *image.Owners) []image.Finding {
	if p.Python == nil {
		return nil
	}
	return parity("python", "Python", p.Python, pythons(x, o), "")
}

func (p *Policy) checkLibc(x *image.Index, o *image.Owners) []image.Finding {
	if p.Libc.Name == "" {
		return nil
	}
	return parity("libc", p.Libc.Name, p.Libc.Versions, libcs(x, o), p.Libc.Name)
}

// parity holds all that was found against what is wanted. Where there is none,
// nothing shows that it matches.
func parity(id, what string, wanted Versions, found []runtime, name string) []image.Finding {
	title := strings.TrimSpace(what+" "+wanted.String()) + " is wanted, and the image has "
	remedy := "FROM a base that has it, as the target does"
	if len(found) == 0 {
		return []image.Finding{finding(id, title+"none that can be found", remedy, 0)}
	}
	var evidence []string
	for _, r := range found {
		if name != "" && r.name != name || wanted != nil && (r.version == "" || !wanted.Hold(r.kind, r.version)) {
			evidence = append(evidence, r.String())
		}
	}
	if len(evidence) == 0 {
		return nil
	}
	return []image.Finding{finding(id, title+"another", remedy, 0, evidence...)}
}

var (
	pythonProgram = regexp.MustCompile(`^python(\d+\.\d+)$`)
	pythonPackage = regexp.MustCompile(`^(?:lib)?python(\d\.\d+)-minimal$`)
	patchLevel    = regexp.MustCompile(`(?m)^#define\s+PY_VERSION\s+"([^"]+)"`)
	libcFile      = regexp.MustCompile(`^libc-(2\.\d+)\.so$`)
)

// pythons are the interpreters that a container sees, with the most exact version
// that the image tells of each: its package's, its header's, that which the
// official images set, else that in its name.
func pythons(x *image.Index, o *image.Owners) (all []runtime) {
	exact := map[string]string{} // by major and minor
	for _, owned := range o.All {
		switch {
		case owned.Kind == image.Dpkg:
			if m := pythonPackage.FindStringSubmatch(owned.Name); m != nil {
				upstream, _ := revision(owned.Version)
				_, exact[m[1]] = epoch(upstream)
			}
		case owned.Name == "python" && (owned.Kind == image.Runtime || owned.Kind == image.Conda), owned.Kind == image.Apk && owned.Name == "python3", owned.Kind == image.Rpm && strings.HasPrefix(owned.Name, "python3"):
			v, _ := revision(owned.Version)
			if minor := minorOf(v); minor != v {
				exact[minor] = v
			}
		}
	}
	for _, e := range x.Config.Run.Env {
		if v, ok := strings.CutPrefix(e, "PYTHON_VERSION="); ok && exact[minorOf(v)] == "" {
			exact[minorOf(v)] = v
		}
	}
	for _, f := range x.Files {
		if f.Kind != image.Regular && f.Kind != image.HardLink || !f.Visible() || path.Base(path.Dir(f.Path)) != "bin" {
			continue
		}
		m := pythonProgram.FindStringSubmatch(path.Base(f.Path))
		if m == nil {
			continue
		}
		r := runtime{name: "Python", version: m[1], kind: image.Runtime, where: "/" + f.Path}
		prefix := path.Dir(path.Dir(f.Path))
		if v := patchLevel.FindSubmatch(x.Content(path.Join(prefix, "include", "python"+m[1], "patchlevel.h"))); v != nil {
			r.version = string(v[1])
		} else if v := exact[m[1]]; v != "" {
			r.version = v
		}
		if !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	return all
}

// minorOf is 3.12 of 3.12.7.
func minorOf(v string) string {
	parts := strings.SplitN(v, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// libcs are the C libraries: of packages, else of their files' names.
func libcs(x *image.Index, o *image.Owners) (all []runtime) {
	for _, owned := range o.All {
		var name string
		switch {
		case owned.Kind == image.Dpkg && owned.Name == "libc6", owned.Kind == image.Rpm && owned.Name == "glibc":
			name = "glibc"
		case owned.Kind == image.Apk && owned.Name == "musl", owned.Kind == image.Dpkg && owned.Name == "musl":
			name = "musl"
		default:
			continue
		}
		upstream, _ := revision(owned.Version)
		_, upstream = epoch(upstream)
		all = append(all, runtime{name, upstream, owned.Kind, describe(owned.Owner)})
	}
	if len(all) > 0 {
		return all
	}
	for _, f := range x.Files {
		folder := strings.TrimPrefix(path.Dir(f.Path), "usr/")
		if !f.Visible() || folder != "lib" && !strings.HasPrefix(folder, "lib/") && !strings.HasPrefix(folder, "lib64") {
			continue
		}
		base := path.Base(f.Path)
		switch {
		case libcFile.MatchString(base):
			all = append(all, runtime{"glibc", libcFile.FindStringSubmatch(base)[1], image.Unowned, "/" + f.Path})
		case base == "libc.so.6" && f.Kind == image.Regular:
			all = append(all, runtime{"glibc", "", image.Unowned, "/" + f.Path})
		case strings.HasPrefix(base, "ld-musl-"):
			all = append(all, runtime{"musl", "", image.Unowned, "/" + f.Path})
		}
	}
	return all
}
