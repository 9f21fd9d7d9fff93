package policy

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxReport are the bytes of a scanner's report that are read. That of an image
// with thousands of packages has some tens of megabytes.
const maxReport = 128 << 20

// severities as the scanners name them, from the least on. What is none of them
// counts as unknown.
var severities = []string{"unknown", "negligible", "low", "medium", "high", "critical"}

// A scan is what a scanner found, whichever it was.
type scan struct {
	tool            string
	vulnerabilities []vulnerability
	licences        []licence
	layers          []string // of the image that it looked at; nil where it does not say
}

type vulnerability struct {
	id, pkg, version, severity string
	fixed                      bool // there is a version without it
}

type licence struct{ pkg, text string }

func (p *Policy) open(r Report) (*scan, error) {
	name := r.File
	if !filepath.IsAbs(name) {
		name = filepath.Join(p.folder, name)
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("read the scanner's report that the policy names: %w; write it with trivy image --format json, grype -o json or syft -o json", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read the scanner's report that the policy names: %s is no regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the scanner's report that the policy names: %w", err)
	}
	defer f.Close()
	return readScan(f, name)
}

// readScan reads a report of any of the scanners, which it tells by what is in
// it. It reads as it goes, so that a large one costs no more memory than what is
// found in it.
func readScan(r io.Reader, name string) (*scan, error) {
	limited := &io.LimitedReader{R: r, N: maxReport}
	s := &scan{}
	err := s.read(json.NewDecoder(limited))
	switch {
	case limited.N == 0:
		return nil, fmt.Errorf("%w: report %s is larger than %d bytes", ErrMalformed, name, maxReport)
	case err != nil:
		return nil, fmt.Errorf("%w: report %s: %w", ErrMalformed, name, err)
	case s.tool == "":
		return nil, fmt.Errorf("%w: report %s is none of trivy (--format json), grype (-o json) or syft (-o json)", ErrMalformed, name)
	}
	return s, nil
}

// read tells the formats apart by their keys, none of which another has: those
// of trivy's schema version 2, and of its version 1, which is a list alone; those
// of grype; those of syft.
func (s *scan) read(j *json.Decoder) error {
	source := keys{"layers": list(func(j *json.Decoder) error {
		return object(j, keys{"digest": text(s.addLayer)})
	})}
	return value(j, keys{
		"SchemaVersion": s.of("trivy", skip),
		"Results":       s.of("trivy", list(s.result)),
		"Metadata":      func(j *json.Decoder) error { return object(j, keys{"DiffIDs": list(text(s.addLayer))}) },
		"matches":       s.of("grype", list(s.match)),
		"artifacts":     s.of("syft", list(s.artifact)),
		"source": func(j *json.Decoder) error {
			return object(j, keys{
				"target":   func(j *json.Decoder) error { return object(j, source) },
				"metadata": func(j *json.Decoder) error { return object(j, source) },
			})
		},
	}, s.of("trivy", s.result), nil)
}

// of notes whose report it is.
func (s *scan) of(tool string, read read) read {
	return func(j *json.Decoder) error {
		s.tool = tool
		return read(j)
	}
}

// result is one of trivy's, of a file or of the system.
func (s *scan) result(j *json.Decoder) error {
	return object(j, keys{
		"Vulnerabilities": list(func(j *json.Decoder) error {
			var v struct{ VulnerabilityID, PkgName, InstalledVersion, FixedVersion, Severity string }
			err := decode(j, &v)
			return errors.Join(err, s.add(vulnerability{v.VulnerabilityID, v.PkgName, v.InstalledVersion, strings.ToLower(v.Severity), v.FixedVersion != ""}))
		}),
		"Packages": list(func(j *json.Decoder) error {
			var name string
			var texts []string
			err := object(j, keys{"Name": text(func(v string) error { name = v; return nil }), "Licenses": licences(&texts)})
			return errors.Join(err, s.addLicences(name, texts))
		}),
		"Licenses": list(func(j *json.Decoder) error {
			var l struct{ PkgName, FilePath, Name string }
			err := decode(j, &l)
			return errors.Join(err, s.addLicences(cmp.Or(l.PkgName, l.FilePath), []string{l.Name}))
		}),
	})
}

// match is one of grype's: a vulnerability and the package that has it.
func (s *scan) match(j *json.Decoder) error {
	var v vulnerability
	err := object(j, keys{
		"vulnerability": func(j *json.Decoder) error {
			return object(j, keys{
				"id":       text(func(id string) error { v.id = id; return nil }),
				"severity": text(func(severity string) error { v.severity = strings.ToLower(severity); return nil }),
				"fix": func(j *json.Decoder) error {
					return object(j, keys{"versions": list(text(func(string) error { v.fixed = true; return nil }))})
				},
			})
		},
		"artifact": s.pkg(&v.pkg, &v.version),
	})
	return errors.Join(err, s.add(v))
}

// artifact is one of syft's: a package.
func (s *scan) artifact(j *json.Decoder) error {
	var name, version string
	return s.pkg(&name, &version)(j)
}

func (s *scan) pkg(name, version *string) read {
	return func(j *json.Decoder) error {
		var texts []string
		err := object(j, keys{
			"name":     text(func(v string) error { *name = v; return nil }),
			"version":  text(func(v string) error { *version = v; return nil }),
			"licenses": licences(&texts),
		})
		return errors.Join(err, s.addLicences(*name, texts))
	}
}

// licences are words or, in later versions of syft, objects.
func licences(texts *[]string) read {
	add := func(v string) error {
		*texts = append(*texts, v)
		return tooMany(len(*texts))
	}
	return list(func(j *json.Decoder) error {
		return value(j, keys{"spdxExpression": text(add), "value": text(add)}, skip, add)
	})
}

func (s *scan) add(v vulnerability) error {
	if v.id != "" {
		s.vulnerabilities = append(s.vulnerabilities, v)
	}
	return tooMany(len(s.vulnerabilities))
}

func (s *scan) addLicences(pkg string, texts []string) error {
	for _, t := range texts {
		if t != "" {
			s.licences = append(s.licences, licence{pkg, t})
		}
	}
	return tooMany(len(s.licences))
}

func (s *scan) addLayer(digest string) error {
	s.layers = append(s.layers, digest)
	return tooMany(len(s.layers))
}

// maxFound are the things of one sort that a report may tell.
const maxFound = 500_000

func tooMany(n int) error {
	if n > maxFound {
		return fmt.Errorf("it tells of more than %d things", maxFound)
	}
	return nil
}
