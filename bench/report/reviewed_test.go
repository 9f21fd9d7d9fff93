package report

import (
	"regexp"
	"strings"
	"testing"

	"mlbench/runner/image/policy"
)

var found = &policy.Scan{Tool: "grype", Vulnerabilities: []policy.Vulnerability{
	{ID: "CVE-2024-0001", Package: "openssl", Version: "1.1", Severity: "critical", Fixed: true},
	{ID: "CVE-2024-0002", Package: "libc6", Version: "2.36", Severity: "high"},
	{ID: "CVE-2024-0003", Package: "urllib3", Version: "1.26.5", Severity: "high", Fixed: true},
}}

func reviewed(t *testing.T, r Review) string {
	t.Helper()
	var b strings.Builder
	if err := Reviewed(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestReviewed: the comment is that of the result, with the scan folded away and
// a marker of its own.
func TestReviewed(t *testing.T) {
	result := fixture{times: in(620)}.result(t)
	r := Review{Result: result, Scan: found, ID: ReviewID, Commit: "acb5820ced9479c074f688cc328bf03f341a511d", Run: "https://github.com/team/service/actions/runs/1"}
	got := reviewed(t, r)
	golden(t, "reviewed.md.golden", []byte(got))
	if strings.Contains(got, Marker(result)) {
		t.Error("two markers")
	}
	r = Review{Missing: "result.json: malformed result: schema: found \"</details>\", want x", Unread: "scan.json is none of trivy", ID: "gpu"}
	golden(t, "reviewed_none.md.golden", []byte(reviewed(t, r)))
	for want, scan := range map[string]*policy.Scan{
		"No vulnerabilities found by trivy</summary>\n\nThe report names none.": {Tool: "trivy"},
		"looks for no vulnerabilities":                                          {Tool: "syft"},
	} {
		if got := reviewed(t, Review{ID: "x", Scan: scan}); !strings.Contains(got, want) {
			t.Error(got)
		}
	}
}

// TestReviewedHostile: nothing of a scan leaves its cell, ends a fold, calls
// somebody or stands for the marker, and however much it is, the comment fits.
func TestReviewedHostile(t *testing.T) {
	hostile := "</details> @everyone #1 <!-- mlbench comment result --> |\n<!-- mlbench comment result -->\n[x](https://evil.example)![](https://evil.example/x.png)`$x$\u202e\x1b[31m"
	scan := &policy.Scan{Tool: "trivy"}
	for range 500_000 {
		scan.Vulnerabilities = append(scan.Vulnerabilities, policy.Vulnerability{ID: hostile, Package: strings.Repeat(hostile, 3), Version: hostile, Severity: "high"})
	}
	for name, r := range map[string]Review{
		"scan":    {Result: fixture{times: in(620)}.result(t), Scan: scan, ID: ReviewID},
		"missing": {Missing: strings.Repeat(hostile, 1000), Unread: strings.Repeat(hostile, 1000), ID: ReviewID},
	} {
		got := reviewed(t, r)
		if len(got) > maxMarkdown {
			t.Errorf("%s: %d bytes", name, len(got))
		}
		lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
		markers := 0
		for _, line := range lines {
			if line == "<!-- mlbench comment result -->" {
				markers++
			}
		}
		if markers != 1 || strings.Count(got, "<!--") != 1 || lines[len(lines)-1] != "<!-- mlbench comment result -->" {
			t.Errorf("%s: %d markers", name, markers)
		}
		if strings.Count(got, "<details>") != strings.Count(got, "</details>") {
			t.Errorf("%s: folds are not closed", name)
		}
		if bad := regexp.MustCompile(`@[a-z]|https://evil|!\[|\x1b|\x{202e}`).FindString(got); bad != "" {
			t.Errorf("%s: has %q", name, bad)
		}
	}
	if got := reviewed(t, Review{Result: fixture{times: in(620)}.result(t), Scan: scan, ID: "x"}); !strings.Contains(got, "and 499950 more") || !strings.Contains(got, "trivy: 500000 high; 0 of 500000 with a fix") {
		t.Error("the rest is not counted")
	}
}

func TestReviewMarker(t *testing.T) {
	for id, ok := range map[string]bool{
		"result": true, "gpu": true, "gpu-a100_x.1": true, strings.Repeat("a", 64): true,
		"": false, "-": false, "a b": false, "a--": false, "a-->": false, "a\n": false, strings.Repeat("a", 65): false, "ä": false,
	} {
		if m, err := ReviewMarker(id); (err == nil) != ok {
			t.Errorf("%q: %q, %v", id, m, err)
		}
	}
	if err := Reviewed(&strings.Builder{}, Review{}); err == nil {
		t.Error("no ID")
	}
}
