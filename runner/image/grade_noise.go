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

// Bytecode is why compiled Python is noise.
const Bytecode = "Python bytecode holds the time of its source"

// Other known sources of difference between two builds of the same things.
const (
	noiseLog      = "logs hold times"
	noiseCache    = "a cache of a package manager or a tool"
	noiseLdconfig = "ldconfig's cache holds inodes and times"
	noiseBackup   = "a copy from before the last change"
	noiseRandom   = "random by design"
	noiseDatabase = "holds times of installation"
)

// folders of noise, and what is in them.
var noisyFolders = map[string]string{
	"var/log/":            noiseLog,
	"var/cache/ldconfig/": noiseLdconfig,
	"var/cache/":          noiseCache,
	"var/lib/apt/lists/":  noiseCache,
	"root/.cache/":        noiseCache,
}

// files of noise.
var noisyFiles = map[string]string{
	"etc/machine-id":              noiseRandom,
	"var/lib/dbus/machine-id":     noiseRandom,
	"var/lib/dpkg/status-old":     noiseBackup,
	"var/lib/dpkg/diversions-old": noiseBackup,
	"etc/passwd-":                 noiseBackup,
	"etc/group-":                  noiseBackup,
	"etc/shadow-":                 noiseBackup,
	"etc/gshadow-":                noiseBackup,
	"etc/ld.so.cache~":            noiseLdconfig,
	"var/lib/rpm/rpmdb.sqlite":    noiseDatabase,
	"var/lib/rpm/Packages":        noiseDatabase,
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
		return noiseLog
	}
	return ""
}
