package dockerfile

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// cases are Dockerfiles of which one question is asked: the lines that are the
// evidence, none where nothing is wrong.
var cases = []struct {
	id, name, text string
	lines          string // numbers of lines, with blanks between
}{
	{"full-os", "python", "FROM python:3.12\n", "1"},
	{"full-os", "python slim", "FROM python:3.12-slim-bookworm\n", ""},
	{"full-os", "alpine", "FROM python:3.12-alpine\n", ""},
	{"full-os", "ubuntu", "FROM ubuntu:22.04\n", "1"},
	{"full-os", "debian", "FROM docker.io/library/debian:bookworm\n", "1"},
	{"full-os", "distroless", "FROM gcr.io/distroless/python3-debian12\n", ""},
	{"full-os", "builder only", "FROM python:3.12 AS build\nFROM python:3.12-slim\nCOPY --from=build /venv /venv\n", ""},
	{"full-os", "through a stage", "FROM python:3.12 AS base\nFROM base AS build\nFROM base\n", "1"},
	{"full-os", "argument", "ARG TAG=3.12\nFROM python:${TAG}\n", "2"},
	{"full-os", "argument without default", "ARG TAG\nFROM python:${TAG}\n", ""},
	{"full-os", "argument with a modifier", "ARG TAG\nFROM python:${TAG:-3.12}-slim\n", ""},
	{"full-os", "platform", "FROM --platform=linux/amd64 python:3.12\n", "1"},

	{"build-tools", "apt", "FROM python:3.12-slim\nRUN apt-get update && \\\n    apt-get -y install gcc libpq-dev\n", "3"},
	{"build-tools", "library", "FROM python:3.12-slim\nRUN apt install -y libpq5 libgomp1\n", ""},
	{"build-tools", "builder", "FROM python:3.12-slim AS b\nRUN apt-get install -y gcc\nFROM python:3.12-slim\nCOPY --from=b /venv /venv\n", ""},
	{"build-tools", "ancestor", "FROM python:3.12-slim AS b\nRUN apt-get install -y gcc\nFROM b\n", "2"},
	{"build-tools", "purged", "FROM python:3.12-slim\nRUN apt-get update && apt-get install -y gcc g++ && pip install x && apt-get purge -y --auto-remove gcc g++\n", ""},
	{"build-tools", "purged by variable", "FROM python:3.12-slim\nRUN buildDeps='gcc libc6-dev make' && apt-get install -y $buildDeps && make && apt-get purge -y --auto-remove $buildDeps\n", ""},
	{"build-tools", "purged too late", "FROM python:3.12-slim\nRUN apt-get install -y gcc\nRUN apt-get purge -y gcc\n", "2"},
	{"build-tools", "apk virtual", "FROM python:3.12-alpine\nRUN apk add --no-cache --virtual .build-deps gcc musl-dev && pip install x && apk del .build-deps\n", ""},
	{"build-tools", "apk", "FROM python:3.12-alpine\nRUN apk add --no-cache build-base\n", "2"},
	{"build-tools", "exec form", "FROM a/b\nRUN [\"apt-get\", \"install\", \"-y\", \"build-essential\"]\n", "2"},
	{"build-tools", "sh -c", "FROM a/b\nRUN [\"/bin/bash\", \"-lc\", \"apt-get install -y cmake\"]\n", "2"},
	{"build-tools", "heredoc", "FROM a/b\nRUN <<EOF\nset -e\napt-get update\napt-get install -y g++-12\nEOF\n", "5"},
	{"build-tools", "bash heredoc", "FROM a/b\nRUN --mount=type=cache,target=/x <<EOF\n\n# a comment\napt-get install -y make\nEOF\n", "5"},
	{"build-tools", "comments within", "FROM a/b\nRUN apt-get update && \\\n# why\n\n    apt-get install -y \\\n    # more\n    make\n", "5"},
	{"build-tools", "condition", "FROM a/b\nRUN if [ -n \"$X\" ]; then apt-get install -y gcc; fi\n", "2"},
	{"build-tools", "env prefix", "FROM a/b\nRUN DEBIAN_FRONTEND=noninteractive sudo -E apt-get install -yq clang\n", "2"},
	{"build-tools", "escape", "# escape=`\nFROM a/b\nRUN apt-get update && `\n  apt-get install -y make\n", "4"},
	{"build-tools", "yum group", "FROM centos:7\nRUN yum groupinstall -y \"Development Tools\"\n", "2"},
	{"build-tools", "conda", "FROM a/b\nRUN conda install -y -c conda-forge gxx_linux-64\n", "2"},
	{"build-tools", "words alone", "FROM a/b\nRUN echo apt-get install gcc\n", ""},
	{"build-tools", "onbuild", "FROM a/b\nONBUILD RUN apt-get install -y gcc\n", ""},
	{"build-tools", "other shell", "FROM a/b\nSHELL [\"powershell\", \"-Command\"]\nRUN apt-get install gcc\n", ""},

	{"cuda-devel", "devel", "FROM nvidia/cuda:12.1.0-cudnn8-devel-ubuntu22.04\n", "1"},
	{"cuda-devel", "runtime", "FROM nvidia/cuda:12.1.0-runtime-ubuntu22.04\n", ""},
	{"cuda-devel", "devel builder", "FROM nvidia/cuda:12.1.0-devel-ubuntu22.04 AS b\nFROM nvidia/cuda:12.1.0-base-ubuntu22.04\n", ""},
	{"cuda-devel", "pytorch", "FROM pytorch/pytorch:2.3.0-cuda12.1-cudnn8-devel\n", "1"},
	{"cuda-devel", "toolkit", "FROM ubuntu:22.04\nRUN apt-get install -y nvidia-cuda-toolkit\n", "2"},
	{"cuda-devel", "not of CUDA", "FROM example/app:1-devel\n", ""},

	{"cuda-twice", "runtime and torch", "FROM nvidia/cuda:12.1.0-runtime-ubuntu22.04\nRUN pip install torch==2.3.0\n", "1 2"},
	{"cuda-twice", "base and torch", "FROM nvidia/cuda:12.1.0-base-ubuntu22.04\nRUN pip install torch==2.3.0\n", ""},
	{"cuda-twice", "runtime and torch for CPUs", "FROM nvidia/cuda:12.1.0-runtime-ubuntu22.04\nRUN pip install torch --index-url https://download.pytorch.org/whl/cpu\n", ""},
	{"cuda-twice", "slim and torch", "FROM python:3.12-slim\nRUN pip install torch\n", ""},
	{"cuda-twice", "tensorflow", "FROM nvidia/cuda:12.1.0-cudnn8-runtime-ubuntu22.04\nRUN pip install tensorflow\n", ""},
	{"cuda-twice", "tensorflow with CUDA", "FROM nvidia/cuda:12.1.0-cudnn8-runtime-ubuntu22.04\nRUN python3 -m pip install 'tensorflow[and-cuda]==2.16'\n", "1 2"},
	{"cuda-twice", "from a builder", "FROM python:3.11 AS b\nRUN /venv/bin/pip install vllm\nFROM nvcr.io/nvidia/cuda:12.4.1-runtime-ubuntu22.04\nCOPY --from=b /venv /venv\n", "3 2"},
	{"cuda-twice", "torch again", "FROM pytorch/pytorch:2.3.0-cuda12.1-cudnn8-runtime\nRUN pip install torch==2.4.0\n", "1 2"},

	{"cuda-mismatch", "other major", "FROM nvidia/cuda:12.1.0-runtime-ubuntu22.04\nRUN pip install torch==2.3.0+cu118 --index-url https://download.pytorch.org/whl/cu118\n", "1 2"},
	{"cuda-mismatch", "the same", "FROM nvidia/cuda:12.1.0-runtime-ubuntu22.04\nRUN pip install torch==2.3.0+cu121\n", ""},
	{"cuda-mismatch", "minor under base", "FROM nvidia/cuda:12.4.0-base-ubuntu22.04\nRUN pip install torch --index-url https://download.pytorch.org/whl/cu121\n", ""},
	{"cuda-mismatch", "argument", "ARG CUDA=11.8.0\nFROM nvidia/cuda:${CUDA}-runtime-ubuntu22.04\nARG CU=cu121\nRUN pip install torch --index-url https://download.pytorch.org/whl/${CU}\n", "2 4"},
	{"cuda-mismatch", "cupy", "FROM nvidia/cuda:11.8.0-runtime-ubuntu22.04\nRUN pip install cupy-cuda12x\n", "1 2"},

	{"package-lists", "kept", "FROM a/b\nRUN apt-get update && apt-get install -y x\n", "2"},
	{"package-lists", "removed", "FROM a/b\nRUN apt-get update && apt-get install -y x && rm -rf /var/lib/apt/lists/*\n", ""},
	{"package-lists", "removed whole", "FROM a/b\nRUN set -eux; apt-get update; apt-get install -y x; rm -rf /var/lib/apt /tmp/*\n", ""},
	{"package-lists", "removed too late", "FROM a/b\nRUN apt-get update\nRUN rm -rf /var/lib/apt/lists/*\n", "2"},
	{"package-lists", "clean is not enough", "FROM a/b\nRUN apt-get update && apt-get install -y x && apt-get clean\n", "2"},
	{"package-lists", "mounts", "FROM a/b\nRUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt,sharing=locked \\\n apt-get update && apt-get install -y x\n", ""},
	{"package-lists", "find", "FROM a/b\nRUN apt-get update && find /var/lib/apt/lists -type f -delete\n", ""},
	{"package-lists", "builder", "FROM a/b AS x\nRUN apt-get update\nFROM a/b\n", ""},
	{"package-lists", "apk", "FROM alpine:3\nRUN apk add curl\n", "2"},
	{"package-lists", "apk without", "FROM alpine:3\nRUN apk add --no-cache curl\n", ""},
	{"package-lists", "dnf", "FROM fedora:40\nRUN dnf install -y x\n", "2"},
	{"package-lists", "dnf clean", "FROM fedora:40\nRUN dnf install -y x && dnf clean all\n", ""},

	{"recommended-packages", "not", "FROM a/b\nRUN apt-get install -y --no-install-recommends x\n", ""},
	{"recommended-packages", "option", "FROM a/b\nRUN apt-get -o APT::Install-Recommends=false install x\n", ""},
	{"recommended-packages", "configured", "FROM a/b\nRUN echo 'APT::Install-Recommends \"0\";' > /etc/apt/apt.conf.d/99x\nRUN apt-get install -y x\n", ""},
	{"recommended-packages", "all", "FROM a/b\nRUN apt-get install -y x\n", "2"},

	{"install-caches", "pip", "FROM a/b\nRUN pip3 install -r requirements.txt\n", "2"},
	{"install-caches", "no cache", "FROM a/b\nRUN pip install --no-cache-dir -r requirements.txt\n", ""},
	{"install-caches", "env", "FROM a/b\nENV PIP_NO_CACHE_DIR=1 \\\n    A=2\nRUN pip install x\n", ""},
	{"install-caches", "env of a parent", "FROM a/b AS p\nENV PIP_NO_CACHE_DIR 1\nFROM p\nRUN pip install x\n", ""},
	{"install-caches", "inline", "FROM a/b\nRUN PIP_NO_CACHE_DIR=1 pip install x\n", ""},
	{"install-caches", "exported", "FROM a/b\nRUN export PIP_NO_CACHE_DIR=1 && pip install x\n", ""},
	{"install-caches", "mount", "FROM a/b\nRUN --mount=type=cache,target=/root/.cache/pip pip install x\n", ""},
	{"install-caches", "mount of all caches", "FROM a/b\nRUN --mount=type=cache,target=/root/.cache pip install x\n", ""},
	{"install-caches", "mount at a user's home", "FROM a/b\nRUN --mount=type=cache,target=/home/app/.cache/pip pip install x\n", ""},
	{"install-caches", "removed", "FROM a/b\nRUN pip install x && rm -rf ~/.cache\n", ""},
	{"install-caches", "pip itself", "FROM a/b\nRUN pip install -U pip\n", ""},
	{"install-caches", "uv", "FROM a/b\nRUN uv pip install --system x\n", ""},
	{"install-caches", "conda", "FROM a/b\nRUN conda env create -f environment.yml\n", "2"},
	{"install-caches", "conda clean", "FROM a/b\nRUN conda env create -f environment.yml && conda clean -afy\n", ""},
	{"install-caches", "conda's pip", "FROM a/b\nRUN conda run -n env pip install x\n", "2"},
	{"install-caches", "copied on", "FROM a/b AS b\nRUN pip install --prefix=/install x\nFROM a/b\nCOPY --from=b /install /usr/local\n", ""},

	{"secrets", "env", "FROM a/b\nENV HF_TOKEN=hf_abc\n", "2"},
	{"secrets", "arg", "FROM a/b\nARG AWS_SECRET_ACCESS_KEY\n", "2"},
	{"secrets", "no underscore", "FROM a/b\nARG PGPASSWORD\nENV MYSQL_PWD=x1y2z3 OLDPWD=/ PWD=/\n", "2 3"},
	{"secrets", "switch", "FROM a/b\nARG USE_AUTH_TOKEN\n", ""},
	{"secrets", "path of a secret", "FROM a/b\nENV GOOGLE_APPLICATION_CREDENTIALS=/run/secrets/gcp.json\n", ""},
	{"secrets", "empty", "FROM a/b\nENV HF_TOKEN=\"\"\n", ""},
	{"secrets", "not secret", "FROM a/b\nENV TOKENIZERS_PARALLELISM=false MAX_TOKENS=5 DB_PASSWORD_FILE=/run/secrets/db PUBLIC_KEY=x KEY=1 PAD_TOKEN=x\n", ""},
	{"secrets", "mounted", "FROM a/b\nRUN --mount=type=secret,id=hf_token HF_TOKEN=$(cat /run/secrets/hf_token) hf download x\n", ""},
	{"secrets", "copied", "FROM a/b\nCOPY .env /app/.env\n", "2"},
	{"secrets", "example", "FROM a/b\nCOPY .env.example /app/\n", ""},
	{"secrets", "address", "FROM a/b\nRUN pip install --extra-index-url https://u:s3cret@pypi.example.com/simple x\n", "2"},

	{"root", "none", "FROM python:3.12-slim\n", "1"},
	{"root", "named", "FROM python:3.12-slim\nUSER app\n", ""},
	{"root", "number", "FROM python:3.12-slim\nARG UID=10001\nUSER ${UID}:${UID}\n", ""},
	{"root", "back to root", "FROM a/b\nUSER app\nRUN x\nUSER root\n", "4"},
	{"root", "0:0", "FROM a/b\nUSER 0:0\n", "2"},
	{"root", "of a parent", "FROM python:3.12-slim AS p\nUSER app\nFROM p\n", ""},
	{"root", "somebody's image", "FROM example/app:1\n", ""},
	{"root", "nonroot", "FROM gcr.io/distroless/python3-debian12:nonroot\n", ""},

	{"cache-order", "late", "FROM a/b\nCOPY . .\nRUN pip install -r requirements.txt\n", "2 3"},
	{"cache-order", "right", "FROM a/b\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n", ""},
	{"cache-order", "project after dependencies", "FROM a/b\nCOPY uv.lock pyproject.toml ./\nRUN uv sync --frozen --no-install-project\nCOPY . .\nRUN uv sync --frozen\n", ""},
	{"cache-order", "apt late", "FROM a/b\nCOPY . /app\nRUN apt-get update && apt-get install -y x\n", "2 3"},
	{"cache-order", "in a builder", "FROM a/b AS x\nCOPY . .\nRUN pip install -r requirements.txt\nFROM a/b\nCOPY --from=x /venv /venv\n", "2 3"},
	{"cache-order", "in a stage that is not used", "FROM a/b AS x\nCOPY . .\nRUN pip install -r requirements.txt\nFROM a/b\n", ""},
	{"cache-order", "mount", "FROM a/b\nCOPY . .\nRUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt\n", ""},

	{"rewritten-files", "chown", "FROM a/b\nWORKDIR /app\nCOPY . .\nRUN chown -R app:app /app\n", "4"},
	{"rewritten-files", "relative", "FROM a/b\nWORKDIR /app\nCOPY x ./\nRUN useradd app && chown -R app .\n", "4"},
	{"rewritten-files", "what it made", "FROM a/b\nCOPY . /app\nRUN mkdir /data && chown -R app:app /data\n", ""},
	{"rewritten-files", "before", "FROM a/b\nRUN mkdir /app && chown -R app:app /app\nCOPY --chown=app . /app\n", ""},
	{"rewritten-files", "one file", "FROM a/b\nCOPY run.sh /run.sh\nRUN chmod +x /run.sh\n", ""},
	{"rewritten-files", "user as a folder", "FROM a/b\nCOPY . /app\nRUN chown -R app /data\n", ""},

	{"unpinned", "latest", "FROM python\nFROM python:latest\n", "2"},
	{"unpinned", "tag", "FROM python:3.12-slim\n", ""},
	{"unpinned", "packages", "FROM a/b:1\nRUN pip install fastapi 'uvicorn[standard]>=0.2'\n", "2"},
	{"unpinned", "exact", "FROM a/b:1\nRUN pip install fastapi==0.1 \"uvicorn[standard]==0.2\" torch==${TORCH}\n", ""},
	{"unpinned", "unknown", "FROM a/b:1\nRUN pip install $PACKAGES . ./wheels/*.whl -r requirements.txt\n", ""},
	{"unpinned", "commit", "FROM a/b:1\nRUN pip install git+https://example.com/x@0123456789abcdef0123456789abcdef01234567\n", ""},
	{"unpinned", "branch", "FROM a/b:1\nRUN pip install git+https://example.com/x@main\n", "2"},
	{"unpinned", "constraints", "FROM a/b:1\nRUN pip install -c constraints.txt fastapi\n", ""},
	{"unpinned", "option values", "FROM a/b:1\nRUN pip install --target /x -i https://example.com/simple --timeout 60 a==1\n", ""},
	{"unpinned", "conda", "FROM a/b:1\nRUN conda install -y -c pytorch pytorch\n", "2"},
	{"unpinned", "conda exact", "FROM a/b:1\nRUN conda install -y -n base -c pytorch pytorch=2.1 python=3.11\n", ""},

	{"unchecked-download", "curl sh", "FROM a/b\nRUN curl -LsSf https://astral.sh/uv/install.sh | sh\n", "2"},
	{"unchecked-download", "with version", "FROM a/b\nRUN curl -LsSf https://astral.sh/uv/0.4.1/install.sh | sh\n", ""},
	{"unchecked-download", "no shell", "FROM a/b\nRUN curl -s https://example.com/x | tar xz\n", ""},
	{"unchecked-download", "add", "FROM a/b\nADD https://example.com/model.bin /m\n", "2"},

	{"no-healthcheck", "none", "FROM python:3.12-slim\n", "1"},
	{"no-healthcheck", "there", "FROM python:3.12-slim\nHEALTHCHECK CMD curl -f http://localhost/\n", ""},
	{"no-healthcheck", "switched off", "FROM python:3.12-slim\nHEALTHCHECK NONE\n", ""},
}

func TestChecks(t *testing.T) {
	for _, c := range cases {
		t.Run(c.id+" "+c.name, func(t *testing.T) {
			var got []string
			if f := find(findings(t, c.text), c.id); f != nil {
				for _, e := range f.Evidence {
					n, _, _ := strings.Cut(strings.TrimPrefix(e, "line "), ":")
					got = append(got, n)
				}
			}
			if want := strings.Fields(c.lines); !slices.Equal(got, want) {
				t.Errorf("lines %v, want %v, of\n%s", got, want, c.text)
			}
		})
	}
	asked := map[string]bool{"context-junk": true, "unpinned-bytes": true} // by tests of their own
	for _, c := range cases {
		asked[c.id] = true
	}
	for _, c := range checks {
		if !asked[c.id] {
			t.Errorf("no case for %s", c.id)
		}
	}
}

// What is looked up in the context that an image is built in.
func TestContext(t *testing.T) {
	const all = "FROM a/b:1\nCOPY . .\n"
	const requirements = "FROM nvidia/cuda:12.1.0-runtime-ubuntu22.04\nCOPY deploy/requirements.txt /tmp/\nRUN pip install --no-cache-dir -r /tmp/requirements.txt\n"
	for _, c := range []struct {
		id, name, text string
		files          []string
		want           []string
	}{
		{"context-junk", "no .dockerignore", all, []string{"app.py", "", "tests/a.py", ""}, []string{"line 2: COPY . .", "no .dockerignore", "in the context: tests"}},
		{"context-junk", "all left out", all, []string{"tests/a.py", "", ".dockerignore", "tests\n"}, nil},
		{"context-junk", "by pattern", all, []string{"tests/a.py", "", ".dockerignore", "# x\n**\n!app.py\n"}, nil},
		{"context-junk", "of the Dockerfile's name", all, []string{"tests/a.py", "", "Dockerfile.dockerignore", "**/tests/**\n"}, nil},
		{"context-junk", "past it", all, []string{"tests/a.py", "", ".env", "A=1", ".dockerignore", "tests\n"}, []string{"line 2: COPY . .", "in the context: .env"}},
		{"context-junk", "some files alone", "FROM a/b:1\nCOPY app.py .\n", []string{"tests/a.py", ""}, nil},

		{
			"unpinned", "requirements", requirements, []string{"deploy/requirements.txt", "# x\nnumpy==1.0\n-c c.txt\ntorch>=2 ; python_version > '3'\n"},
			[]string{"/tmp/requirements.txt line 4: torch>=2 ; python_version > '3'"},
		},
		{
			"cuda-twice", "requirements", requirements, []string{"deploy/requirements.txt", "torch==2.3.0\n"},
			[]string{"line 1: FROM nvidia/cuda:12.1.0-runtime-ubuntu22.04", "line 3: pip install --no-cache-dir -r /tmp/requirements.txt"},
		},
		{
			"unpinned-bytes", "requirements", requirements, []string{"deploy/requirements.txt", "torch==2.3.0\n"},
			[]string{"line 1: FROM nvidia/cuda:12.1.0-runtime-ubuntu22.04", "line 3: pip install --no-cache-dir -r /tmp/requirements.txt"},
		},
		{
			"unpinned-bytes", "hashes", requirements, []string{"deploy/requirements.txt", "torch==2.3.0 \\\n  --hash=sha256:00\n"},
			[]string{"line 1: FROM nvidia/cuda:12.1.0-runtime-ubuntu22.04"},
		},
	} {
		t.Run(c.id+" "+c.name, func(t *testing.T) {
			var got []string
			if f := find(findings(t, c.text, c.files...), c.id); f != nil {
				got = f.Evidence
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// A finding about a secret must not spread it.
func TestSecretsAreNotShown(t *testing.T) {
	const text = `FROM python:3.12
ARG API_KEY=s3cret
ENV HF_TOKEN=s3cret DB_PASSWORD="s3cret s3cret"
ENV OPENAI_API_KEY s3cret
RUN apt-get update && HF_TOKEN=s3cret apt-get install gcc
RUN pip install --extra-index-url https://user:s3cret@example.com/simple x
RUN PASSWORD='s3cret' pip install --index-url=https://s3cret@example.com/simple y
RUN curl -H "Authorization: Bearer s3cret" https://example.com/install | sh
RUN curl --password s3cret https://example.com/install | sh
`
	all := findings(t, text)
	if f := find(all, "secrets"); f == nil || len(f.Evidence) != 6 {
		t.Errorf("%+v", f)
	}
	for _, f := range all {
		for _, e := range f.Evidence {
			if strings.Contains(e, "s3cret") {
				t.Errorf("%s: %s", f.ID, e)
			}
		}
	}
}

// Whole Dockerfiles of the kinds that are met: the first comment says which
// checks find something.
func TestWhole(t *testing.T) {
	names, err := filepath.Glob("testdata/*.Dockerfile")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, after, ok := strings.Cut(string(text), "# want:")
		if !ok {
			t.Fatalf("%s does not say what is wanted", name)
		}
		want, _, _ := strings.Cut(after, "\n")
		got := ids(findings(t, string(text), "app.py", "", "requirements.txt", "fastapi==0.115.0\n", ".dockerignore", "*\n"))
		if !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %v, want %v", name, got, strings.Fields(want))
		}
	}
}
