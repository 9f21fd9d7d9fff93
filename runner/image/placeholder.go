package image

import "strings"

// Wanted reports whether a file's content is kept.
func Wanted(path string) bool {
	return strings.HasSuffix(path, ".dist-info/RECORD") || path == "var/lib/dpkg/status" || strings.HasPrefix(path, "var/lib/dpkg/info/") && strings.HasSuffix(path, ".list")
}
