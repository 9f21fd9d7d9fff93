package dockerfile

import (
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// A base is an image that a stage is built upon. The zero value is one that is
// not known: a build argument without default.
type base struct {
	ref    string // as it is written
	name   string // without registry where that is Docker Hub, and without library/
	tag    string // "" where there is none
	digest bool
}

// parseBase reads an image's name. What is no name is a base that is not known.
func parseBase(ref string) base {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return base{ref: ref}
	}
	b := base{ref: ref, name: reference.FamiliarName(named)}
	if tagged, ok := named.(reference.Tagged); ok {
		b.tag = tagged.Tag()
	}
	_, b.digest = named.(reference.Digested)
	return b
}

// last is the last part of the name: cuda of nvcr.io/nvidia/cuda.
func (b base) last() string { return b.name[strings.LastIndexByte(b.name, '/')+1:] }

// parts are the words of the tag: 12.1.0, devel and ubuntu22.04.
func (b base) parts() []string {
	return strings.FieldsFunc(strings.ToLower(b.tag), func(r rune) bool { return r == '-' || r == '_' })
}

func (b base) is(part string) bool { return slices.Contains(b.parts(), part) }

// slim are words of tags of bases that have been stripped already.
var slim = []string{"slim", "alpine", "minimal", "micro", "distroless", "tiny", "nano", "busybox", "wolfi", "chainguard"}

// languages are official images whose tags without slim stand on buildpack-deps,
// with compilers and headers for everything (docker-library/official-images).
var languages = []string{"python", "pypy", "node", "ruby", "golang", "rust", "gcc", "buildpack-deps", "openjdk", "perl", "php", "r-base"}

// systems are operating systems that have smaller images than these.
var systems = []string{"debian", "ubuntu", "centos", "fedora", "rockylinux", "almalinux", "oraclelinux", "amazonlinux", "opensuse/leap", "ubi8", "ubi9", "ubi10", "ubi8/ubi", "ubi9/ubi"}

// full reports whether a base is a whole operating system or brings what only
// development needs.
func (b base) full() (yes, heavy bool) {
	name := strings.TrimPrefix(b.name, "registry.access.redhat.com/")
	for _, s := range slim {
		if strings.Contains(strings.ToLower(b.tag), s) || strings.Contains(name, s) {
			return false, false
		}
	}
	if slices.Contains(languages, name) || name == "continuumio/anaconda3" || name == "continuumio/anaconda" {
		return true, true
	}
	return slices.Contains(systems, name), false
}

// plain reports whether a base is known to have neither a USER nor a
// HEALTHCHECK: official images, CUDA's and the frameworks'. Others may.
func (b base) plain() bool {
	if b.name == "" || b.is("nonroot") || b.is("rootless") {
		return false
	}
	if !strings.Contains(b.name, "/") { // official
		return true
	}
	return strings.HasPrefix(b.name, "gcr.io/distroless/") || slices.Contains([]string{
		"nvidia/cuda", "nvcr.io/nvidia/cuda", "nvcr.io/nvidia/pytorch", "nvcr.io/nvidia/tensorflow", "pytorch/pytorch",
		"tensorflow/tensorflow", "continuumio/miniconda3", "continuumio/anaconda3", "condaforge/miniforge3", "condaforge/mambaforge",
		"tiangolo/uvicorn-gunicorn-fastapi", "tiangolo/uvicorn-gunicorn", "huggingface/transformers-pytorch-gpu", "vllm/vllm-openai",
	}, b.name)
}

var cudaTag = regexp.MustCompile(`(?:^|-)(?:cuda)?(\d{1,2})\.(\d{1,2})(?:\.\d+)?(?:-|$)`)

// isCUDA reports whether it is NVIDIA's image of CUDA alone.
func (b base) isCUDA() bool {
	return b.last() == "cuda" && strings.Contains(b.name, "nvidia/")
}

// isFramework reports whether it brings PyTorch with CUDA.
func (b base) isFramework() bool {
	return b.name == "pytorch/pytorch" || b.name == "nvcr.io/nvidia/pytorch"
}

// cuda is the version of CUDA that a base's tag names: major and minor.
func (b base) cuda() (major, minor string, ok bool) {
	tag := strings.ToLower(b.tag)
	switch {
	case b.isCUDA():
	case strings.Contains(tag, "cuda"): // 2.3.0-cuda12.1-cudnn8-runtime
		tag = tag[strings.Index(tag, "cuda"):]
	default:
		return "", "", false
	}
	m := cudaTag.FindStringSubmatch(tag)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}
