package image

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// random is an image of packages, application and rest in a few layers, which
// replace and remove each other's files.
func random(r *rand.Rand) *Index {
	var files []File
	contents := make(map[Place][]byte)
	layers := make([]Layer, 1+r.IntN(5))
	var status strings.Builder
	for n := range layers {
		layers[n] = Layer{DiffID: fmt.Sprint("sha256:", n, r.IntN(2)), CreatedBy: []string{"", "COPY . /app", "RUN make"}[r.IntN(3)]}
		seen := make(map[string]bool)
		put := func(path string, kind Kind, size int64) {
			if !seen[path] {
				files = append(files, File{Path: path, Layer: n, Kind: kind, Size: size})
				seen[path] = true
			}
		}
		for p := range r.IntN(6) {
			name := fmt.Sprintf("package%d", p)
			fmt.Fprintf(&status, "Package: %s\nStatus: install ok installed\nVersion: %d\nArchitecture: amd64\n\n", name, r.IntN(3))
			var list strings.Builder
			for i := range r.IntN(4) {
				path := fmt.Sprintf("usr/lib/%s/%d", name, i)
				put(path, Regular, r.Int64N(1e9))
				list.WriteString("/" + path + "\n")
			}
			at := fmt.Sprintf("var/lib/dpkg/info/%s.list", name)
			put(at, Regular, int64(list.Len()))
			contents[Place{n, at}] = []byte(list.String())
		}
		put("var/lib/dpkg/status", Regular, int64(status.Len()))
		contents[Place{n, "var/lib/dpkg/status"}] = []byte(status.String())
		for i := range r.IntN(5) {
			put(fmt.Sprintf("app/%d", i), []Kind{Regular, Symlink, Whiteout}[r.IntN(3)], 0)
			put(fmt.Sprintf("app/of/%d", i), Regular, r.Int64N(1e6))
		}
		if r.IntN(3) == 0 {
			put("usr/lib/package1", Whiteout, 0)
		}
	}
	return New(Config{}, layers, files, contents)
}

// TestEverythingAddsUp holds that nothing is lost or counted twice, in one
// image and between two.
func TestEverythingAddsUp(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var reports [2]*Report
		for i := range reports {
			x := random(rng)
			r := Describe(x, x.Owners())
			reports[i] = r
			var owners, reasons, layers, wasted Change // Old is of bytes, New of wasted ones
			for _, o := range r.Owners {
				owners.Old, owners.New = owners.Old+o.Bytes, owners.New+o.Wasted
			}
			for _, b := range r.Reasons {
				reasons.Old, reasons.New = reasons.Old+b.Bytes, reasons.New+b.Wasted
			}
			for _, l := range r.Layers {
				layers.Old, layers.New = layers.Old+l.UnpackedBytes, layers.New+l.WastedBytes
			}
			wasted = Change{x.UnpackedBytes(), r.WastedBytes}
			if owners != wasted || reasons != wasted || layers != wasted || r.UnpackedBytes != wasted.Old {
				t.Fatalf("seed %d: the image has %v, its owners %v, reasons %v, layers %v", seed, wasted, owners, reasons, layers)
			}
		}
		there, back := Diff(reports[0], reports[1]), Diff(reports[1], reports[0])
		total := Change{reports[0].UnpackedBytes, reports[1].UnpackedBytes}
		var owners, reasons Change
		for _, o := range there.Owners {
			owners.Old, owners.New = owners.Old+o.Bytes.Old, owners.New+o.Bytes.New
		}
		for _, r := range there.Reasons {
			reasons.Old, reasons.New = reasons.Old+r.Bytes.Old, reasons.New+r.Bytes.New
		}
		if owners != total || reasons != total || there.Changed != total {
			t.Fatalf("seed %d: the images differ by %v, their owners by %v, reasons by %v", seed, total, owners, reasons)
		}
		if there.Changed.Bytes() != -back.Changed.Bytes() || len(there.Owners) != len(back.Owners) || there.Layers.Shared != back.Layers.Shared {
			t.Fatalf("seed %d: there and back are not each other's contrary", seed)
		}
		f, b := there.Findings, back.Findings
		if len(f.Fixed)+len(f.Kept) != len(reports[0].Findings) || len(f.New)+len(f.Kept) != len(reports[1].Findings) || len(f.Fixed) != len(b.New) {
			t.Fatalf("seed %d: of %d and %d findings %d are fixed, %d new, %d kept", seed,
				len(reports[0].Findings), len(reports[1].Findings), len(f.Fixed), len(f.New), len(f.Kept))
		}
	}
}

func share(kind OwnerKind, name, version string, bytes int64) OwnerShare {
	return OwnerShare{Owned{Owner: Owner{kind, name, version}, Bytes: bytes}, "some"}
}

func TestDiffOwners(t *testing.T) {
	before := &Report{Owners: []OwnerShare{
		share(Pip, "torch", "2.4", 100), share(Pip, "numpy", "1.26", 10), share(Pip, "numpy", "1.25", 9), share(Dpkg, "numpy", "1", 1),
	}}
	after := &Report{Owners: []OwnerShare{share(Pip, "numpy", "2.0", 12), share(Dpkg, "numpy", "1", 1), share(Pip, "new", "", 5)}}
	want := []OwnerChange{
		{Pip, "torch", "some", "2.4", "", OldOnly, Change{100, 0}},
		{Pip, "numpy", "some", "1.25, 1.26", "2.0", Both, Change{19, 12}},
		{Pip, "new", "some", "", "", NewOnly, Change{0, 5}},
		{Dpkg, "numpy", "some", "1", "1", Both, Change{1, 1}},
	}
	if got := Diff(before, after).Owners; !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestDiffFindings(t *testing.T) {
	finding := func(id, title string, bytes int64) Finding { return Finding{ID: id, Title: title, Bytes: bytes} }
	before := &Report{Findings: []Finding{finding("a", "a", 1), finding("policy", "no gcc", 2), finding("policy", "no make", 3), finding("b", "7 MB", 7)}}
	after := &Report{Findings: []Finding{finding("policy", "no make", 4), finding("b", "8 MB", 8), finding("c", "c", 0), finding("policy", "no perl", 5)}}
	f := Diff(before, after).Findings
	said := func(s string, findings ...Finding) string {
		for _, f := range findings {
			s += " " + f.Title
		}
		return s
	}
	var kept []string
	for _, k := range f.Kept {
		kept = append(kept, fmt.Sprintf("%s %d→%d", k.Title, k.OldBytes, k.Bytes))
	}
	got := said("fixed", f.Fixed...) + said("; new", f.New...) + "; kept " + strings.Join(kept, ", ")
	if want := "fixed a; new c; kept no make 3→4, 8 MB 7→8, no perl 2→5"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDiffLayers(t *testing.T) {
	report := func(ids ...string) *Report {
		r := new(Report)
		for _, id := range ids {
			r.Layers = append(r.Layers, LayerShare{DiffID: id, UnpackedBytes: 10})
			r.UnpackedBytes += 10
		}
		return r
	}
	for _, c := range []struct {
		before, after *Report
		want          Shared
	}{
		{report("a", "b", "c"), report("a", "b", "d", "c"), Shared{2, 20, 50}},
		{report("a"), report("b", "a"), Shared{Together: 30}}, // the engine keeps layers by all below them
		{report("", ""), report("", ""), Shared{Together: 40}},
		{report(), report("a"), Shared{Together: 10}},
	} {
		if got := Diff(c.before, c.after).Layers; got != c.want {
			t.Errorf("%v and %v share %v, want %v", c.before.Layers, c.after.Layers, got, c.want)
		}
	}
}

func TestTrace(t *testing.T) {
	r := &Report{Findings: []Finding{
		{ID: "a", Severity: High, Title: "in the image", Evidence: []string{"a file"}, Bytes: 5}, {ID: "b", Severity: Low},
	}}
	r.Trace(
		Finding{ID: "a", Severity: Low, Title: "in the Dockerfile", Evidence: []string{"line 1"}},
		Finding{ID: "b", Severity: High, Bytes: 9}, Finding{ID: "c", Severity: Medium},
	)
	var got []string
	for _, f := range r.Findings {
		got = append(got, fmt.Sprintf("%s %s %q %q %d", f.ID, f.Severity, f.Title, f.Evidence, f.Bytes))
	}
	want := []string{`a high "in the image" ["line 1" "a file"] 5`, `b high "" [] 0`, `c medium "" [] 0`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestJudge(t *testing.T) {
	bytes := func(n int64) *int64 { return &n }
	broken := func(n int) *int { return &n }
	for _, c := range []struct {
		limits Limits
		want   string
	}{
		{Limits{}, "pass"},
		{Limits{MaxBytes: bytes(800e6)}, "pass size:pass (800 MB unpacked, at most 800 MB)"},
		{Limits{MaxBytes: bytes(800e6 - 1)}, "fail size:fail (800000000 bytes unpacked, over 799999999 bytes)"},
		{Limits{MaxBytes: bytes(99_950_000)}, "fail size:fail (800 MB unpacked, over 99.95 MB)"},
		{Limits{Severity: High}, "pass severity:pass (no finding of severity high or above)"},
		{Limits{Severity: Medium}, "fail severity:fail (findings of severity medium or above: 2)"},
		{Limits{Severity: Note}, "fail severity:fail (findings of severity note or above: 3)"},
		{Limits{Broken: broken(0)}, "pass policy:pass (no rule is broken)"},
		{Limits{MaxBytes: bytes(1e9), Broken: broken(2)}, "fail size:pass (800 MB unpacked, at most 1000 MB) policy:fail (broken rules: 2)"},
	} {
		r := &Report{UnpackedBytes: 800e6, Findings: []Finding{{Severity: Medium}, {Severity: Medium}, {Severity: Note}, {Severity: "unheard of"}}}
		r.Judge(c.limits)
		got := string(r.Verdict)
		for _, g := range r.Gates {
			got += fmt.Sprintf(" %s:%s (%s)", g.Name, g.Verdict, g.Why)
		}
		if got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestLine(t *testing.T) {
	digest := strings.Repeat("0123456789abcdef", 4)
	for createdBy, want := range map[string]string{
		"": "",
		"/bin/sh -c #(nop) ADD file:" + digest + " in / ":                    "ADD file:0123456789ab… in /",
		"COPY --from=sha256:" + digest + " /a /b # buildkit":                 "COPY --from=sha256:0123456789ab… /a /b",
		"RUN |1 TOKEN=hush hush /bin/sh -c make \t all \n && ls # buildkit":  "RUN make all && ls",
		"/bin/sh -c apt-get   update":                                        "RUN apt-get update",
		"ENV AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENGbPxRfiCYzzzzzzzzzzzz": "ENV AWS_SECRET_ACCESS_KEY=***",
		"WORKDIR /app": "WORKDIR /app",
	} {
		if got := line(createdBy); got != want {
			t.Errorf("%q is shown as %q, want %q", createdBy, got, want)
		}
	}
}
