package policy

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestReadScan(t *testing.T) {
	f, err := os.Open("testdata/grype.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := ReadScan(f, "grype.json")
	if err != nil {
		t.Fatal(err)
	}
	want := []Vulnerability{
		{"CVE-2020-0001", "x", "1", "critical", true}, {"CVE-2024-0001", "openssl", "1.1", "critical", true}, {"CVE-2024-0002", "libc6", "2.36", "critical", false},
		{"CVE-2024-0003", "urllib3", "1.26.5", "high", true}, {"CVE-2024-0005", "y", "1", "negligible", false},
	}
	if got.Tool != "grype" || !slices.Equal(got.Vulnerabilities, want) {
		t.Errorf("%+v", got)
	}
	twice := `{"SchemaVersion": 2, "Results": [{"Vulnerabilities": [{"VulnerabilityID": "A", "Severity": "worst"}, {"VulnerabilityID": "A", "Severity": "bad"}]}]}`
	if got, err = ReadScan(strings.NewReader(twice), "x"); err != nil || len(got.Vulnerabilities) != 1 || got.Vulnerabilities[0].Severity != Severities()[5] {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := ReadScan(strings.NewReader(`{"runs": []}`), "sarif.json"); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "sarif.json is none of trivy") {
		t.Error(err)
	}
}
