package image

import (
	"fmt"
	"strings"

	"github.com/moby/patternmatcher"
)

// An Ignore tells which files are not to count. Nil is none.
type Ignore struct {
	patterns *patternmatcher.PatternMatcher
}

// NewIgnore reads patterns as a .dockerignore file has them: paths from the
// root, with *, ?, [a-z] and **, and ! for exceptions. One that names a folder
// means all that is in it.
func NewIgnore(patterns []string) (*Ignore, error) {
	cleaned := make([]string, 0, len(patterns))
	for _, p := range patterns {
		if p = strings.TrimSpace(p); p == "" {
			return nil, fmt.Errorf("an empty pattern: name paths, e.g. var/log or **/*.pyc")
		}
		exception := ""
		if rest, ok := strings.CutPrefix(p, "!"); ok {
			exception, p = "!", rest
		}
		cleaned = append(cleaned, exception+strings.TrimLeft(p, "/"))
	}
	m, err := patternmatcher.New(cleaned)
	if err != nil {
		return nil, fmt.Errorf("patterns %q: %w: write them as in .dockerignore, e.g. var/log or **/*.pyc", patterns, err)
	}
	return &Ignore{m}, nil
}

// Matches reports whether a file is not to count.
func (i *Ignore) Matches(path string) (bool, error) {
	if i == nil || path == "" {
		return false, nil
	}
	return i.patterns.MatchesOrParentMatches(path)
}

// Known sources of difference between two builds of the same things.
const (
	logs         = "logs hold times"
	caches       = "a cache of a package manager or a tool"
	Bytecode     = "Python bytecode holds the time of its source"
	ldconfig     = "ldconfig's cache holds inodes and times"
	backup       = "a copy from before the last change"
	machineID    = "random by design"
	installTimes = "holds times of installation"
)

// folders of noise, and what is in them.
var noisyFolders = map[string]string{
	"var/log/":            logs,
	"var/cache/ldconfig/": ldconfig,
	"var/cache/":          caches,
	"var/lib/apt/lists/":  caches,
	"root/.cache/":        caches,
}

// files of noise.
var noisyFiles = map[string]string{
	"etc/machine-id":              machineID,
	"var/lib/dbus/machine-id":     machineID,
	"var/lib/dpkg/status-old":     backup,
	"var/lib/dpkg/diversions-old": backup,
	"etc/passwd-":                 backup,
	"etc/group-":                  backup,
	"etc/shadow-":                 backup,
	"etc/gshadow-":                backup,
	"etc/ld.so.cache~":            ldconfig,
	"var/lib/rpm/rpmdb.sqlite":    installTimes,
	"var/lib/rpm/Packages":        installTimes,
}

// noise says why a file hardly ever comes out the same; "" where it should.
func noise(path string) string {
	if why := noisyFiles[path]; why != "" {
		return why
	}
	// The longer of two folders says more.
	for at := strings.LastIndexByte(path, '/'); at >= 0; at = strings.LastIndexByte(path[:at], '/') {
		if why := noisyFolders[path[:at+1]]; why != "" {
			return why
		}
	}
	name := path[strings.LastIndexByte(path, '/')+1:]
	switch {
	case strings.HasSuffix(name, ".pyc"), name == "__pycache__":
		return Bytecode
	case strings.HasSuffix(path, "/conda-meta/history"):
		return logs
	}
	return ""
}
