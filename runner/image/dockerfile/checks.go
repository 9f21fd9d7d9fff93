package dockerfile

import "mlbench/runner/image"

// A check is one question that every Dockerfile is asked.
type check struct {
	id       string // that of the built image's check, where there is one of that meaning
	severity image.Severity
	title    string
	remedy   string
	find     func(*build) evidence // no lines where nothing is wrong
}

var checks = []check{
	{
		"secrets", image.High, "secrets can be read out of the image",
		"change them; pass them at run time, or while building with RUN --mount=type=secret; no ENV, ARG or COPY of them", secrets,
	},
	{
		"root", image.Medium, "the service runs as root",
		"RUN useradd --system --uid 10001 app, and USER 10001 as the last step before CMD", root,
	},
	{
		"no-healthcheck", image.Note, "nothing says when the service is healthy",
		"add HEALTHCHECK CMD that asks its health path; where Kubernetes runs it, its probes do that", noHealthcheck,
	},
	{
		"full-os", image.Medium, "a full operating system is there where a slim one would do",
		"FROM a slim base (python:3.x-slim, debian:*-slim, a distroless one) and install what is missing with --no-install-recommends", fullOS,
	},
	{
		"cuda-devel", image.High, "CUDA's development kit is in the image that runs",
		"build in FROM nvidia/cuda:*-devel-*, and run FROM its -runtime or -base sibling with COPY --from", cudaDevel,
	},
	{
		"cuda-twice", image.High, "CUDA's libraries are there twice, from the base and from Python packages",
		"FROM an nvidia/cuda:*-base-* or a slim Python base with the packages' own libraries; or keep the base's and install a framework built against it", cudaTwice,
	},
	{
		"cuda-mismatch", image.Low, "the framework was built for another CUDA than the base brings",
		"take the base's tag and the framework's wheel (+cuXYZ) of one CUDA version", cudaMismatch,
	},
	{
		"build-tools", image.High, "compilers and headers are left in the image that runs",
		"compile in a stage of its own and COPY --from what it made; or purge them in the RUN that installed them", buildTools,
	},
	{
		"recommended-packages", image.Medium, "apt installs what it merely recommends too",
		"apt-get install --no-install-recommends, and name what is needed", recommended,
	},
	{
		"package-lists", image.Medium, "package managers' lists and archives are in the image",
		"in the same RUN as the install: rm -rf /var/lib/apt/lists/* (apk add --no-cache; dnf clean all), or RUN --mount=type=cache,target=/var/lib/apt", packageLists,
	},
	{
		"install-caches", image.Medium, "caches of pip, uv, conda or npm are in the image",
		"pip install --no-cache-dir (conda clean -afy in the same RUN), or RUN --mount=type=cache,target=/root/.cache", installCaches,
	},
	{
		"context-junk", image.Medium, "the build context's clutter was copied in",
		"list it in .dockerignore, or COPY only what the service runs", contextJunk,
	},
	{
		"rewritten-files", image.Medium, "files are shipped again because a later layer changes them",
		"change them where they are made: COPY --chown --chmod instead of RUN chown or chmod", rewrittenFiles,
	},
	{
		"cache-order", image.Medium, "a change of the application rebuilds its dependencies",
		"COPY requirements.txt (or the lock file) and RUN the install before COPY of the application", cacheOrder,
	},
	{
		"unpinned", image.Low, "builds may get other versions of packages",
		"name the base's version; pin packages with ==, and VCS installs to a commit", unpinned,
	},
	{
		"unpinned-bytes", image.Note, "builds may get other bytes under the same name",
		"FROM name:tag@sha256:…; pip install --require-hashes or a lock file; apt packages as name=version from a snapshot", unpinnedBytes,
	},
	{
		"unchecked-download", image.Note, "what is downloaded is run or kept without a check",
		"name a version in the address and check its digest: ADD --checksum=sha256:…, or sha256sum -c", unchecked,
	},
}
