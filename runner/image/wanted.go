package image

import "strings"

// Wanted reports whether analyses want the content of the regular file at this
// path: databases of package managers, where frameworks write down what they were
// built for, and what may hold secrets. All are small but for rpm's.
func Wanted(path string) bool {
	base := path[strings.LastIndexByte(path, '/')+1:]
	dir := strings.TrimSuffix(path[:len(path)-len(base)], "/")
	switch base {
	case "RECORD", "METADATA", "INSTALLER", "REQUESTED", "direct_url.json", "top_level.txt":
		return strings.HasSuffix(dir, ".dist-info") || strings.HasSuffix(dir, ".egg-info")
	case "PKG-INFO", "installed-files.txt", "requires.txt":
		return strings.HasSuffix(dir, ".egg-info") || strings.HasSuffix(dir, "/EGG-INFO")
	case "os-release":
		return dir == "etc" || dir == "usr/lib"
	case "version.py":
		return strings.HasSuffix(dir, "/torch")
	case "build_info.py":
		return strings.HasSuffix(dir, "/tensorflow/python/platform")
	case "version.json", "version.txt":
		return strings.HasPrefix(dir, "usr/local/cuda") && strings.Count(dir, "/") == 2
	case "extended_states":
		return dir == "var/lib/apt"
	case "installed", "world":
		return dir == "lib/apk/db" || dir == "usr/lib/apk/db" || dir == "etc/apk"
	case "Packages", "Packages.db", "rpmdb.sqlite":
		return dir == "var/lib/rpm" || dir == "usr/lib/sysimage/rpm" || dir == "usr/share/rpm"
	case "passwd":
		return dir == "etc"
	case ".netrc", ".npmrc", ".pypirc", "pip.conf", ".env": // a check tells secrets from settings, and shows neither
		return !strings.Contains(path, "node_modules/")
	case "config.json":
		return strings.HasSuffix("/"+dir, "/.docker")
	case "config":
		return strings.HasSuffix("/"+dir, "/.kube")
	case "patchlevel.h":
		return strings.Contains(dir, "/include/python")
	}
	switch {
	case strings.HasPrefix(base, ".env."):
		return true
	case strings.HasPrefix(dir, "var/lib/dpkg"):
		switch strings.TrimPrefix(dir, "var/lib/dpkg") {
		case "":
			return base == "status" || base == "diversions"
		case "/status.d":
			return true
		case "/info":
			return strings.HasSuffix(base, ".list")
		}
	case strings.HasSuffix(base, ".egg-info"): // a file in Debian and in what distutils installed
		return true
	case strings.HasSuffix(base, ".json"):
		return strings.HasSuffix(dir, "/conda-meta") || dir == "conda-meta"
	case strings.HasSuffix(base, ".egg-link"):
		return true
	}
	return false
}
