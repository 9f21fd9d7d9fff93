package dockerfile

import (
	"regexp"
	"slices"
	"strings"

	"mlbench/runner/image/installed"
)

// An install is a command that installs packages.
type install struct {
	command
	tool     string   // apt, apk, dnf, pip, uv, conda, poetry, pipenv or npm
	packages []string // as they are written: names, with versions; folders and addresses
	files    []string // of requirements, or of an environment
	options  map[string][]string
}

// opt reports whether one of these options is given.
func (i install) opt(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { _, ok := i.options[n]; return ok })
}

// valued are options that have a value, by tool: without them the value would
// pass for a package.
var valued = map[string][]string{
	"apt": {"-o", "-t", "-c", "--option", "--target-release", "--config-file", "-a"},
	"apk": {"-t", "--virtual", "-X", "--repository", "-p", "--root", "--arch", "--cache-dir", "--keys-dir", "--repositories-file"},
	"dnf": {"-c", "--repo", "--repoid", "--enablerepo", "--disablerepo", "--setopt", "--installroot", "--releasever", "-x", "--exclude"},
	"pip": {
		"-r", "--requirement", "-c", "--constraint", "-e", "--editable", "-i", "--index-url", "--extra-index-url", "-f", "--find-links",
		"-t", "--target", "--prefix", "--root", "--trusted-host", "--proxy", "--timeout", "--default-timeout", "--retries", "--platform",
		"--python-version", "--implementation", "--abi", "--progress-bar", "--src", "--upgrade-strategy", "--no-binary", "--only-binary",
		"--global-option", "--build-option", "--config-settings", "-C", "--cache-dir", "--report", "--cert", "--client-cert", "--log",
		"--exists-action", "--root-user-action", "--python", "-p", "--index", "--default-index", "--link-mode", "--torch-backend",
		"--index-strategy", "--keyring-provider", "--group", "--extra", "--no-install-package", "--package", "--only-group", "--no-group",
		"--no-extra", "--overrides", "--override", "--resolution", "--prerelease", "--refresh-package", "--upgrade-package", "-P",
		"--reinstall-package", "--directory", "--project", "--with", "--without", "--only", "--python-platform", "--exclude-newer",
	},
	"conda": {"-c", "--channel", "-n", "--name", "-p", "--prefix", "--file", "-f", "--solver", "-r", "--root-prefix"},
	"npm":   {"--prefix", "--registry", "--cache", "--loglevel"},
}

// tools are programs and their subcommands that install.
var tools = map[string]struct {
	tool     string
	commands []string
}{
	"apt-get": {"apt", []string{"install"}}, "apt": {"apt", []string{"install"}}, "aptitude": {"apt", []string{"install"}},
	"apk": {"apk", []string{"add"}}, "dnf": {"dnf", []string{"install", "groupinstall"}}, "yum": {"dnf", []string{"install", "groupinstall"}},
	"microdnf": {"dnf", []string{"install"}}, "tdnf": {"dnf", []string{"install"}}, "zypper": {"dnf", []string{"install", "in"}},
	"conda": {"conda", []string{"install", "create", "env"}}, "mamba": {"conda", []string{"install", "create", "env"}},
	"micromamba": {"conda", []string{"install", "create", "env"}}, "uv": {"uv", []string{"sync", "pip", "add"}},
	"poetry": {"poetry", []string{"install", "add"}}, "pipenv": {"pipenv", []string{"install", "sync"}}, "npm": {"npm", []string{"install", "ci", "i"}},
}

var pipName = regexp.MustCompile(`^pip[\d.]*$`)

// install is what a command installs; ok is false where it installs nothing.
func (c command) install() (i install, ok bool) {
	t, known := tools[c.program()]
	if pipName.MatchString(c.program()) {
		t.tool, t.commands, known = "pip", []string{"install"}, true
	}
	if !known {
		return i, false
	}
	i = install{command: c, tool: t.tool, options: map[string][]string{}}
	takes := valued[t.tool]
	if takes == nil {
		takes = valued["pip"]
	}
	var plain []string
	words := c.words[1:]
	for n := 0; n < len(words); n++ {
		w := words[n]
		if !strings.HasPrefix(w, "-") || w == "-" {
			plain = append(plain, w)
			continue
		}
		if w == "--" {
			continue
		}
		name, value, has := strings.Cut(w, "=")
		if !has && slices.Contains(takes, w) && n+1 < len(words) {
			n++
			value = words[n]
		} else if !has && len(w) > 2 && w[1] != '-' && slices.Contains(takes, w[:2]) && t.tool != "apt" { // -rrequirements.txt
			name, value = w[:2], w[2:]
		}
		i.options[name] = append(i.options[name], value)
	}
	if len(plain) == 0 || !slices.Contains(t.commands, plain[0]) {
		return i, false
	}
	sub := plain[0]
	plain = plain[1:]
	switch {
	case sub == "pip" || sub == "env": // uv pip install, conda env create
		if len(plain) == 0 || !slices.Contains([]string{"install", "sync", "create", "update"}, plain[0]) {
			return i, false
		}
		if plain[0] == "sync" {
			i.files = append(i.files, plain[1:]...)
			plain = plain[:1]
		}
		plain = plain[1:]
	case sub == "sync":
		plain = nil
	}
	i.packages = plain
	i.files = append(i.files, i.options["-r"]...)
	i.files = append(i.files, i.options["--requirement"]...)
	if t.tool == "conda" {
		i.files = append(slices.Concat(i.options["-f"], i.options["--file"]), i.files...)
	}
	return i, true
}

// python reports whether it installs from PyPI or the like.
func (i install) python() bool {
	return slices.Contains([]string{"pip", "uv", "poetry", "pipenv"}, i.tool)
}

// system reports whether it installs the system's packages.
func (i install) system() bool { return slices.Contains([]string{"apt", "apk", "dnf"}, i.tool) }

// installs of a step, in order.
func (s step) installs() []install {
	var all []install
	for _, c := range s.commands {
		if i, ok := c.install(); ok {
			all = append(all, i)
		}
	}
	return all
}

// bare is a package's name without version, extras and marker, normalised.
func bare(requirement string) string {
	if i := strings.IndexAny(requirement, "[=<>!~;@ "); i >= 0 {
		requirement = requirement[:i]
	}
	return installed.Normal(requirement)
}

// isPath reports whether a requirement is a folder, a file or an address.
func isPath(r string) bool {
	return strings.HasPrefix(r, ".") || strings.HasPrefix(r, "/") || strings.Contains(r, "://") || strings.HasPrefix(r, "git+") ||
		strings.HasSuffix(r, ".whl") || strings.HasSuffix(r, ".gz") || strings.HasSuffix(r, ".zip") || strings.ContainsAny(r, "*/") && !strings.Contains(r, "[")
}
