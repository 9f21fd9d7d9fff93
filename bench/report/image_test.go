package report

import (
	stdbytes "bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"mlbench/runner/image"
)

// added fills in of a report what follows from its owners and layers.
func added(r image.Report) *image.Report {
	r.Schema, r.Verdict = image.Schema, image.Pass
	at := make(map[string]int)
	for _, o := range r.Owners {
		r.UnpackedBytes += o.Bytes
		r.WastedBytes += o.Wasted
		r.Files += o.Files
		i, ok := at[o.Reason]
		if !ok {
			i = len(r.Reasons)
			at[o.Reason] = i
			r.Reasons = append(r.Reasons, image.ReasonShare{Reason: o.Reason})
		}
		r.Reasons[i].Owners++
		r.Reasons[i].Bytes += o.Bytes
		r.Reasons[i].Wasted += o.Wasted
	}
	return &r
}

func owned(kind image.OwnerKind, name, version, reason string, files int, bytes, wasted int64) image.OwnerShare {
	return image.OwnerShare{Owned: image.Owned{Owner: image.Owner{Kind: kind, Name: name, Version: version}, Files: files, Bytes: bytes, Wasted: wasted}, Reason: reason}
}

// naive is an image as people build them at first.
func naive() *image.Report {
	compressed := int64(812e6)
	r := added(image.Report{
		Ref: "service:old", Digest: "sha256:" + strings.Repeat("0123456789abcdef", 4), Platform: "linux/amd64", CompressedBytes: &compressed,
		Owners: []image.OwnerShare{
			owned(image.Dpkg, "llvm-14-dev", "1:14.0.6-12", "toolchain", 1964, 277_312_345, 0),
			owned(image.Pip, "torch", "2.4.1+cpu", "Python packages", 12_000, 190_000_000, 0),
			owned(image.Dpkg, "gcc-12", "12.2.0-14+deb12u1", "toolchain", 33, 69_300_000, 0),
			owned(image.Weights, "model.safetensors", "", "model weights", 1, 60_000_000, 30_000_000),
			owned(image.Cache, "apt", "", "caches", 9, 19_900_000, 0),
			owned(image.Dpkg, "libc6", "2.36-9+deb12u14", "base system", 270, 12_900_000, 0),
			owned(image.Application, "app", "", "application", 12, 31_000, 1_000),
			owned(image.Unowned, "", "", "unowned", 3, 999, 0),
		},
		Layers: []image.LayerShare{
			{DiffID: "sha256:1", UnpackedBytes: 12_900_000, Files: 270},
			{DiffID: "sha256:2", UnpackedBytes: 366_512_345, Files: 2006, CreatedBy: "RUN apt-get update && apt-get install -y build-essential llvm-dev libopenblas-dev python3-dev python3-pip && ldconfig"},
			{DiffID: "sha256:3", UnpackedBytes: 190_000_000, Files: 12_000, CreatedBy: "RUN pip install torch"},
			{DiffID: "sha256:4", UnpackedBytes: 30_000_000, WastedBytes: 30_000_000, Files: 1, CreatedBy: "COPY dir:cef3930cfe0f… in ."},
			{DiffID: "sha256:5", UnpackedBytes: 30_031_999, WastedBytes: 1_000, Files: 15, CreatedBy: "RUN chown -R app /app"},
		},
		Warnings: []string{"var/lib/dpkg/status: 2 of 171 paragraphs name no package"},
	})
	r.Add(
		image.Finding{
			ID: "build-tools", Severity: image.High, Title: "compilers and headers are left in the image that runs", Bytes: 346_612_345,
			Evidence: []string{"llvm-14-dev: 277.3 MB in 1964 files", "gcc-12: 69.3 MB in 33 files"},
			Remedy:   "compile in a stage of its own and COPY --from what it made; or purge them in the RUN that installed them",
		},
		image.Finding{
			ID: "package-lists", Severity: image.Medium, Title: "package managers' lists and archives are in the image", Bytes: 19_900_000,
			Evidence: []string{"var/lib/apt/lists: 19.9 MB in 9 files"}, Remedy: "in the same RUN as the install: rm -rf /var/lib/apt/lists/*",
		},
		image.Finding{ID: "root", Severity: image.Medium, Title: "the service runs as root", Evidence: []string{"no USER is set"}, Remedy: "USER 10001"},
		image.Finding{ID: "bytecode", Severity: image.Note, Title: "compiled bytecode is in the image, as it should be", Remedy: "leave it", Bytes: 4_000_000},
	)
	return r
}

// slim is what becomes of it.
func slim() *image.Report {
	r := added(image.Report{
		Ref: "service:new", Platform: "linux/amd64",
		Owners: []image.OwnerShare{
			owned(image.Pip, "torch", "2.5.0+cpu", "Python packages", 12_100, 195_000_000, 0),
			owned(image.Weights, "model.safetensors", "", "model weights", 1, 30_000_000, 0),
			owned(image.Dpkg, "libc6", "2.36-9+deb12u14", "base system", 270, 12_900_000, 0),
			owned(image.Pip, "uvloop", "0.21.0", "Python packages", 40, 4_300_000, 0),
			owned(image.Application, "app", "", "application", 12, 31_000, 0),
		},
		Layers: []image.LayerShare{
			{DiffID: "sha256:1", UnpackedBytes: 12_900_000, Files: 270},
			{DiffID: "sha256:6", UnpackedBytes: 229_331_000, Files: 12_153, CreatedBy: "COPY /venv /venv"},
		},
	})
	r.Add(
		image.Finding{ID: "bytecode", Severity: image.Note, Title: "compiled bytecode is in the image, as it should be", Remedy: "leave it", Bytes: 3_000_000},
		image.Finding{ID: "secrets", Severity: image.High, Title: "secrets can be read out of the image", Evidence: []string{"ENV API_TOKEN"}, Remedy: "pass them at run time"},
	)
	return r
}

// awful is an image of somebody who wants to break what is shown: n of each
// thing, under the worst names.
func awful(n int) *image.Report {
	bad := hostile[0] + hostile[1] + "\xff\xfe" + strings.Repeat("漢字", 40)
	r := image.Report{Ref: bad, Digest: bad + long[:2000], Platform: bad + long[:2000]}
	for i := range n {
		name := fmt.Sprint(i, bad, long[:2000])
		r.Owners = append(r.Owners, owned(image.OwnerKind(name), name, name, fmt.Sprint(i%7, bad, long[:2000]), 1, int64(1e9-i), int64(i)))
		r.Layers = append(r.Layers, image.LayerShare{DiffID: name, UnpackedBytes: int64(1e9 - i), WastedBytes: int64(i), Files: i, CreatedBy: name})
		r.Warnings = append(r.Warnings, name)
		r.Findings = append(r.Findings, image.Finding{
			ID: name, Severity: image.Severity(name), Title: name, Bytes: int64(i), Remedy: name,
			Evidence: strings.Split(strings.Repeat(name+"\x00", 1+i%9), "\x00"),
		})
	}
	w := added(r)
	w.Gates = []image.Gate{{Name: bad + long[:2000], Verdict: image.Fail, Why: bad + long[:2000]}}
	return w
}

func limited(r *image.Report) *image.Report {
	most := int64(600e6)
	r.Judge(image.Limits{MaxBytes: &most, Severity: image.High})
	return r
}

func renamed(r *image.Report, ref string) *image.Report {
	r.Ref = ref
	return r
}

func TestImageGoldens(t *testing.T) {
	empty := added(image.Report{Ref: "scratch"})
	for name, r := range map[string]*image.Report{
		"image": naive(), "image_slim": slim(), "image_gates": limited(naive()), "image_empty": empty, "image_hostile": awful(4),
	} {
		t.Run(name, func(t *testing.T) {
			checkImages(t, name, Images(5), r, imageSentence(r), string(r.Verdict))
		})
	}
	for name, d := range map[string]*image.Difference{
		"difference": image.Diff(naive(), limited(slim())), "difference_larger": image.Diff(slim(), limited(naive())),
		"difference_none":    image.Diff(slim(), slim()),
		"difference_empty":   image.Diff(empty, slim()),
		"difference_hostile": image.Diff(awful(3), renamed(awful(5), hostile[0])),
	} {
		t.Run(name, func(t *testing.T) {
			checkImages(t, name, Differences(5), d, differenceSentence(d), string(d.New.Verdict))
		})
	}
}

// TestImagesOfAnySize renders more than fits anywhere.
func TestImagesOfAnySize(t *testing.T) {
	for _, n := range []int{1, 16, 17, 40} {
		r := awful(n)
		for _, top := range []int{0, 1, 15} {
			checkImages(t, "", Images(top), r, imageSentence(r), string(r.Verdict))
			d := image.Diff(naive(), r)
			checkImages(t, "", Differences(top), d, differenceSentence(d), string(r.Verdict))
		}
	}
}

// checkImages renders in all formats and checks what holds for every rendering;
// name is the goldens', "" for none.
func checkImages[T any](t *testing.T, name string, formats Formats[T], found T, sentence, verdict string) {
	t.Helper()
	var text, md, js stdbytes.Buffer
	writers := map[string]io.Writer{"text": &text, "markdown": &md}
	if name != "" {
		writers["json"] = &js
	}
	for format, w := range writers {
		write, err := formats.Named(format)
		if err = errors.Join(err, write(w, found)); err != nil {
			t.Fatal(err)
		}
	}
	if name != "" {
		golden(t, name+".text.golden", text.Bytes())
		golden(t, name+".md.golden", md.Bytes())
	}
	if name == "image" || name == "difference" {
		golden(t, name+".json.golden", js.Bytes())
	}
	if strings.Contains(sentence, "\n") || !strings.HasSuffix(text.String(), "\n"+sentence+"\n") {
		t.Errorf("it does not end with the sentence %q", sentence)
	}
	for row := range strings.Lines(strings.TrimSuffix(text.String(), sentence+"\n")) {
		if n := twwidth.Width(strings.TrimSuffix(row, "\n")); n > maxWidth {
			t.Errorf("%d columns: %s", n, row)
		}
	}
	checkPrintable(t, text.String())
	if want := "### mlbench inspect: " + verdict + "\n\n"; !strings.HasPrefix(md.String(), want) {
		t.Errorf("it begins with %.60q", md.String())
	}
	checkMarkup(t, md.String())
}
