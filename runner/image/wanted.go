package image

import "strings"

// MaxContent is up to what size, in bytes, a file's content is kept. The
// largest that are wanted are rpm's databases: tens of megabytes where a
// thousand packages are installed.
const MaxContent = 64 << 20

// Wanted reports whether analyses want the content of the regular file at this
// path: databases of package managers, and where frameworks write down what they
// were built for. All are small but for rpm's.
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
	case "patchlevel.h":
		return strings.Contains(dir, "/include/python")
	}
	switch {
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
