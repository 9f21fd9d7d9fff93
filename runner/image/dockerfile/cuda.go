package dockerfile

import (
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"mlbench/runner/image"
)

// onTorch are packages of PyPI that are torch or need it, and so bring CUDA's
// libraries unless told otherwise (their metadata's Requires-Dist).
var onTorch = []string{
	"torch", "torchvision", "torchaudio", "vllm", "accelerate", "sentence-transformers", "pytorch-lightning", "lightning", "timm", "ultralytics",
	"xformers", "bitsandbytes", "openai-whisper", "easyocr", "peft", "trl", "deepspeed", "sglang", "fastai",
}

var (
	wheelCUDA = regexp.MustCompile(`(?:\+|/whl/|/whl/nightly/|^)cu(\d{3,4})\b`)
	majorCUDA = regexp.MustCompile(`(?:-cu|cuda|-cuda)(1[0-9])(?:x|\b|$)`)
)

// cudaDevel is CUDA's development kit in what is shipped.
func cudaDevel(b *build) (e evidence) {
	e = b.installed(cudaTools.MatchString)
	from := b.final().root()
	if from.base.is("devel") && (from.base.isCUDA() || from.base.isFramework() || strings.Contains(from.base.ref, "cuda")) {
		e.add(from.line, from.text)
	}
	return e
}

// cudaTwice is a base with CUDA's libraries under packages that bring their own.
func cudaTwice(b *build) (e evidence) {
	from := b.final().root()
	switch {
	case from.base.isCUDA() && !from.base.is("base") && from.base.tag != "":
		e = b.bringers(func(i install, r string) bool {
			return slices.Contains(onTorch, bare(r)) || strings.HasPrefix(bare(r), "nvidia-cu") || ownCUDA(r)
		})
	case from.base.isFramework():
		e = b.bringers(func(_ install, r string) bool { return bare(r) == "torch" })
		e.remedy = "keep the base's torch: leave it out of what is installed, or begin with a slim base"
	}
	if len(e.lines) > 0 {
		e.lines = slices.Insert(e.lines, 0, shown(from.line, from.text))
	}
	return e
}

// ownCUDA reports whether an extra asks for CUDA's libraries.
func ownCUDA(r string) bool {
	r = strings.ReplaceAll(r, " ", "")
	return strings.HasPrefix(r, "tensorflow[and-cuda]") || strings.HasPrefix(r, "jax[cuda12") && !strings.HasPrefix(r, "jax[cuda12_local") ||
		strings.HasPrefix(r, "jax[cuda13") && !strings.HasPrefix(r, "jax[cuda13_local")
}

// bringers are installs of such packages whose files are shipped, those for CPUs
// alone left out.
func (b *build) bringers(brings func(install, string) bool) (e evidence) {
	for _, at := range b.pythonSteps() {
		for _, i := range at.installs() {
			if i.tool != "pip" && i.tool != "uv" || forCPU(i) || i.opt("--no-deps") {
				continue
			}
			for _, r := range b.requirements(i) {
				if strings.Contains(r.text, "+cpu") || !brings(i, r.text) {
					continue
				}
				e.add(i.line, i.text)
			}
		}
	}
	return e
}

func forCPU(i install) bool {
	return slices.ContainsFunc(i.words, func(w string) bool {
		return strings.HasSuffix(strings.TrimRight(w, "/"), "/cpu") || w == "cpu" || w == "--torch-backend=cpu"
	})
}

// pythonSteps are the steps whose Python packages are shipped: those of the last
// stage, and those of stages of which an environment is copied.
func (b *build) pythonSteps() []step {
	steps := b.shipped()
	for _, at := range b.shipped() {
		c, ok := at.what.(*instructions.CopyCommand)
		if !ok || c.From == "" {
			continue
		}
		from := b.from(c.From)
		if from != nil && slices.ContainsFunc(c.SourcePaths, func(p string) bool {
			return environment.MatchString(p) || p == "/usr/local" || p == "/usr/local/"
		}) {
			steps = append(steps, from.all()...)
		}
	}
	return steps
}

var environment = regexp.MustCompile(`(^|/)(\.?v?env|site-packages|dist-packages|\.local|conda|miniconda3?)(/|$)|^/(install|venv|opt/[\w.-]*env[\w.-]*)(/|$)`)

// cudaMismatch is a framework built for another CUDA than that of the base.
func cudaMismatch(b *build) (e evidence) {
	from := b.final().root()
	major, minor, ok := from.base.cuda()
	if !ok {
		return e
	}
	differ := func(text string) (found, heavy bool) {
		for _, m := range wheelCUDA.FindAllStringSubmatch(text, -1) {
			v := m[1]
			otherMajor, otherMinor := v[:len(v)-1], v[len(v)-1:] // cu121 is 12.1
			if len(v) != 3 {
				continue
			}
			if otherMajor != major {
				return true, true
			}
			if otherMinor != minor && !from.base.is("base") {
				found = true
			}
		}
		return found, false
	}
	for _, at := range b.pythonSteps() {
		for _, i := range at.installs() {
			if !i.python() {
				continue
			}
			texts := slices.Clone(i.words)
			for _, r := range b.requirements(i) {
				texts = append(texts, r.text)
				if m := majorCUDA.FindStringSubmatch(strings.SplitN(r.text, "=", 2)[0]); m != nil && m[1] != major {
					e.add(i.line, i.text)
					e.severity = image.Medium
				}
			}
			for _, t := range texts {
				if found, heavy := differ(t); found {
					e.add(i.line, i.text)
					if heavy {
						e.severity = image.Medium
					}
				}
			}
		}
	}
	if len(e.lines) > 0 {
		e.lines = slices.Insert(e.lines, 0, shown(from.line, from.text))
	}
	return e
}
