package image

import (
	"cmp"
	"slices"
)

// A check is one question that every image is asked.
type check struct {
	id       string // never changes: scripts and comparisons go by it
	severity Severity
	title    string // what is wrong, without figures, so that two images can be compared by it
	remedy   string

	// find answers it: nil where nothing is wrong. What it leaves empty of a
	// finding is as above.
	find func(*survey) *Finding
}

// checks are all of them. Bytes that one has counted no later one counts, so
// that findings may be added up: the more special come first.
var checks = []check{
	{
		"secrets", High, "secrets can be read out of the image",
		"change them; pass them at run time, or while building with RUN --mount=type=secret; no ENV, ARG or COPY of them", secrets,
	},
	{
		"root", Medium, "the service runs as root",
		"RUN useradd --system --uid 10001 app, and USER 10001 as the last step before CMD", root,
	},
	{
		"no-healthcheck", Low, "nothing says when the service is healthy",
		"add HEALTHCHECK CMD that asks its health path; where Kubernetes runs it, its probes do that", noHealthcheck,
	},

	{
		"package-lists", Medium, "package managers' lists and archives are in the image",
		"in the same RUN as the install: apt-get clean && rm -rf /var/lib/apt/lists/* (apk add --no-cache; dnf clean all)", packageLists,
	},
	{
		"install-caches", Medium, "caches of pip, uv, conda or npm are in the image",
		"pip install --no-cache-dir (uv: UV_NO_CACHE=1; conda clean -afy in the same RUN), or RUN --mount=type=cache,target=/root/.cache", installCaches,
	},
	{
		"weights-twice", Medium, "one model's weights are there in several formats",
		"download one format alone, e.g. snapshot_download(…, allow_patterns=[\"*.safetensors\", \"*.json\"])", weightsTwice,
	},
	{
		"model-cache", Note, "models lie in Hugging Face's cache",
		"download with --local-dir into a folder of the application and set HF_HUB_OFFLINE=1: no look-up at start, and readable without root", modelCache,
	},
	{
		"context-junk", Medium, "the build context's clutter was copied in",
		"list it in .dockerignore, or COPY only what the service runs", contextJunk,
	},

	{
		"cuda-devel", High, "CUDA's development kit is in the image that runs",
		"build in FROM nvidia/cuda:*-devel-*, and run FROM its -runtime or -base sibling with COPY --from", cudaDevel,
	},
	{
		"cuda-twice", High, "CUDA's libraries are there twice, from the base and from Python packages",
		"FROM an nvidia/cuda:*-base-* or a slim Python base with the packages' own libraries; or keep the base's and install a framework built against it", cudaTwice,
	},
	{
		"cuda-mismatch", Low, "the framework was built for another CUDA than the base brings",
		"take the base's tag and the framework's wheel (+cuXYZ) of one CUDA version", cudaMismatch,
	},
	{
		"gpu-libraries", Note, "the framework brings libraries for GPUs",
		"where it serves on CPUs alone, install the framework's CPU build (+cpu)", gpuLibraries,
	},
	{
		"recommended-packages", Medium, "packages are installed only because others recommend them",
		"apt-get install --no-install-recommends (dnf: --setopt=install_weak_deps=False), and name what the service does use", recommended,
	},
	{
		"build-tools", High, "compilers and headers are left in the image that runs",
		"compile in a stage of its own and COPY --from what it made; or purge them in the RUN that installed them", buildTools,
	},
	{
		"dev-packages", Low, "Python packages for development are installed",
		"keep them in a requirements file (or dependency group) of their own that the image does not install", devPackages,
	},
	{
		"two-pythons", Low, "more than one Python is installed",
		"keep the one that runs: no apt-get install python3 on a python or conda base", twoPythons,
	},
	{
		"duplicate-packages", Low, "Python packages are installed in several places",
		"install each once: with pip alone or with apt alone, into one environment", duplicatePackages,
	},
	{
		"package-tests", Low, "packages' own tests are in the image",
		"in the RUN that installs: find … -type d -name tests -prune -exec rm -rf {} + and see that the service still starts", packageTests,
	},
	{
		"debug-symbols", Low, "debug symbols are in the image",
		"strip --strip-unneeded in the RUN that makes them; leave *-dbg and *-dbgsym packages out", debugSymbols,
	},
	{
		"static-libraries", Low, "static libraries are in the image",
		"nothing links at run time: rm *.a in the RUN that brought them", staticLibraries,
	},
	{
		"full-os", Medium, "a full operating system is there where a slim one would do",
		"FROM a slim base (python:3.x-slim, debian:*-slim, a distroless one) and install what is missing with --no-install-recommends", fullOS,
	},
	{
		"documentation", Low, "manuals, documentation and translations are in the image",
		"FROM a slim base, or write path-exclude lines to /etc/dpkg/dpkg.cfg.d before the installs (keep the copyright files)", documentation,
	},
	{
		"temporary-files", Low, "temporary files and logs are in the image",
		"rm -rf /tmp/* /var/tmp/* in the RUN that made them", temporaryFiles,
	},

	{
		"rewritten-files", Medium, "files are shipped again because a later layer changes them",
		"change them where they are made: COPY --chown --chmod instead of RUN chown or chmod; one RUN instead of two", rewrittenFiles,
	},
	{
		"removed-files", Medium, "files that a later layer removes are shipped all the same",
		"remove them in the RUN that makes them, or make them in a stage of its own", removedFiles,
	},
	{
		"cache-order", Medium, "a change of the application rebuilds its dependencies",
		"COPY requirements.txt (or the lock file) and RUN the install before COPY of the application", cacheOrder,
	},
	{
		"unpinned", Low, "builds may get other versions of packages",
		"pin with ==, and VCS installs to a commit; whether hashes were checked and bases named by digest, an image cannot prove", unpinned,
	},

	{
		"no-bytecode", Medium, "Python packages lack compiled bytecode, so each start compiles them",
		"RUN python -m compileall -q over site-packages (no pip --no-compile, no removal of __pycache__)", noBytecode,
	},
	{
		"pycache", Note, "compiled bytecode (__pycache__) is in the image, as it should be",
		"leave it: without it each start compiles anew", pycache,
	},
	{
		"set-user-id", Note, "programs run with their owner's rights, whoever calls them",
		"where the service needs none: RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} +, or run with no-new-privileges", setUserID,
	},
}

// Check asks an image every question. The findings are sorted, the severest and
// among these the largest first; their bytes may be added up.
func Check(x *Index, o *Owners) []Finding {
	s := newSurvey(x, o)
	var all []Finding
	for _, c := range checks {
		f := c.find(s)
		if f == nil {
			continue
		}
		f.ID = c.id
		f.Severity = cmp.Or(f.Severity, c.severity)
		f.Title = cmp.Or(f.Title, c.title)
		f.Remedy = cmp.Or(f.Remedy, c.remedy)
		all = append(all, *f)
	}
	slices.SortStableFunc(all, worseFirst)
	return all
}
