package policy

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReports(t *testing.T) {
	for file, want := range map[string]scan{
		"trivy.json": {tool: "trivy", layers: []string{base, upper}, vulnerabilities: []vulnerability{
			{"CVE-2024-0001", "openssl", "1.1", "critical", true}, {"CVE-2024-0009", "zlib", "1.2", "unknown", false},
		}, licences: []licence{{"bash", "GPL-3.0-only"}, {"x", "AGPL-3.0"}}},
		"grype.json": {tool: "grype", layers: []string{base, upper}, vulnerabilities: []vulnerability{
			{"CVE-2024-0001", "openssl", "1.1", "critical", true}, {"CVE-2024-0002", "libc6", "2.36", "critical", false}, {"CVE-2024-0003", "urllib3", "1.26.5", "high", true},
			{"CVE-2020-0001", "x", "1", "critical", true}, {"CVE-2024-0005", "y", "1", "negligible", false},
		}, licences: []licence{{"openssl", "OpenSSL"}}},
		"syft.json": {tool: "syft", layers: []string{base}, licences: []licence{
			{"readline", "GPL-3.0-or-later"}, {"readline", "GPL-3.0-or-later"}, {"dual", "MIT OR GPL-3.0-only"}, {"old", "MIT"}, {"old", "AGPL-3.0"},
		}},
	} {
		f, err := os.Open("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, err := readScan(f, file)
		if err != nil {
			t.Fatal(err)
		}
		if got.tool != want.tool || !slices.Equal(got.layers, want.layers) || !slices.Equal(got.vulnerabilities, want.vulnerabilities) || !slices.Equal(got.licences, want.licences) {
			t.Errorf("%s: %+v, want %+v", file, got, want)
		}
	}
}

// Fields of other types, as other versions may have, are passed over.
func TestOtherVersions(t *testing.T) {
	for text, want := range map[string]int{
		`[{"Target": "a", "Vulnerabilities": null}, {"Vulnerabilities": [{"VulnerabilityID": "CVE-1", "Severity": "HIGH"}]}]`: 1,
		`{"SchemaVersion": 3, "Results": null}`:        0,
		`{"Results": {"a": []}, "SchemaVersion": "2"}`: 0,
		`{"SchemaVersion": 2, "Results": [5, {"Vulnerabilities": [{"VulnerabilityID": "CVE-1", "PkgName": 7, "Severity": ["HIGH"]}, 8, null]}]}`: 1,
		`{"matches": [{"vulnerability": {"id": "CVE-1", "fix": []}, "artifact": [1]}, {"vulnerability": "x"}], "source": "dir:/"}`:               1,
	} {
		s, err := readScan(strings.NewReader(text), "x")
		if err != nil || len(s.vulnerabilities) != want {
			t.Errorf("%s: %+v, %v", text, s, err)
		}
	}
}

func TestMalformedReports(t *testing.T) {
	for _, text := range []string{
		"", "{", "x", "5", `"matches"`, "{}", `{"bomFormat": "CycloneDX"}`, `{"matches": [`, `{"matches": [{"vulnerability": {"id": "a"`,
		`{"artifacts": [{"licenses": ` + strings.Repeat("[", 100_000), `{"a": ` + strings.Repeat(`{"a":`, 100_000),
	} {
		if s, err := readScan(strings.NewReader(text), "x"); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.40q: %+v, %v", text, s, err)
		}
	}
	x, o := service(nil)
	for report, want := range map[string]string{
		"{file: missing.json, vulnerabilities: {high: 0}}":                  "missing.json",
		"{file: " + t.TempDir() + ", vulnerabilities: {high: 0}}":           "no regular file",
		"{file: " + absolute("syft.json") + ", vulnerabilities: {high: 0}}": "looks for no vulnerabilities",
	} {
		if _, err := parse(t, "policy: {reports: ["+report+"]}\n").Check(x, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", report, err)
		}
	}
}

func absolute(name string) string {
	folder, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return filepath.Join(folder, "testdata", name)
}

func TestLicences(t *testing.T) {
	patterns := []string{"GPL-3.0*", "agpl-*"}
	for text, want := range map[string]bool{
		"GPL-3.0": true, "gpl-3.0-or-later": true, "AGPL-3.0": true, "LGPL-3.0": false, "MIT": false, "": false,
		"MIT OR GPL-3.0": false, "MIT AND GPL-3.0-only": true, "GPL-3.0-only WITH Classpath-exception-2.0": true,
		"(MIT OR GPL-3.0) AND AGPL-3.0": true, "AGPL-3.0 OR GPL-3.0": true,
	} {
		if got := (licence{"x", text}).forbidden(patterns); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzReport(f *testing.F) {
	for _, name := range []string{"trivy.json", "grype.json", "syft.json"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := readScan(strings.NewReader(text), "x")
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Error(err)
			}
			return
		}
		s.checkVulnerabilities(Report{Vulnerabilities: map[string]int{"high": 0, "unknown": 0}})
		s.checkLicences(Report{Licences: []string{"*GPL*"}})
	})
}
