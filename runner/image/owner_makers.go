package image

import "strings"

// makers are the packages whose programs or installation scripts make files that
// no package has: of a path, or of all in a folder (with a slash at the end).
// The first of the packages that an image has is the owner.
var makers = map[string][]string{
	"etc/alternatives/":                {"dpkg", "update-alternatives", "chkconfig"},
	"etc/ca-certificates.conf":         {"ca-certificates"},
	"etc/inputrc":                      {"readline-common"},
	"etc/mailcap":                      {"mailcap"},
	"etc/motd":                         {"base-files"},
	"etc/networks":                     {"netbase"},
	"etc/nsswitch.conf":                {"base-files", "libc-bin"},
	"etc/profile":                      {"base-files"},
	"root/.bashrc":                     {"base-files"},
	"root/.profile":                    {"base-files"},
	"etc/python3/":                     {"python3-minimal"},
	"var/lib/binfmts/":                 {"binfmt-support", "python3-minimal", "python3.11-minimal"},
	"var/lib/shells.state":             {"debianutils"},
	"etc/group":                        {"base-passwd", "alpine-baselayout-data", "setup"},
	"etc/group-":                       {"passwd", "base-passwd"},
	"etc/gshadow":                      {"passwd", "base-passwd", "setup"},
	"etc/ld.so.cache":                  {"libc-bin", "glibc", "glibc-common"},
	"etc/passwd":                       {"base-passwd", "alpine-baselayout-data", "setup"},
	"etc/passwd-":                      {"passwd", "base-passwd"},
	"etc/pam.d/":                       {"libpam-runtime"},
	"etc/shadow":                       {"passwd", "base-passwd", "alpine-baselayout-data", "setup"},
	"etc/shadow-":                      {"passwd", "base-passwd"},
	"etc/shells":                       {"debianutils", "alpine-baselayout-data", "setup"},
	"etc/ssl/certs/":                   {"ca-certificates", "ca-certificates-bundle"},
	"usr/lib/locale/":                  {"locales", "glibc-common", "libc-bin"},
	"usr/lib/x86_64-linux-gnu/gconv/":  {"libc6"},
	"usr/lib/aarch64-linux-gnu/gconv/": {"libc6"},
	"usr/share/glib-2.0/schemas/":      {"libglib2.0-0", "libglib2.0-0t64", "glib2"},
	"usr/share/info/":                  {"install-info"},
	"usr/share/mime/":                  {"shared-mime-info"},
	"var/cache/debconf/":               {"debconf"},
	"var/cache/fontconfig/":            {"fontconfig", "libfontconfig1"},
	"var/cache/ldconfig/":              {"libc-bin", "glibc", "glibc-common"},
	"var/cache/man/":                   {"man-db"},
	"var/lib/apt/extended_states":      {"apt"},
	"var/lib/dpkg/":                    {"dpkg"},
	"var/lib/pam/":                     {"libpam-runtime"},
	"var/lib/python/":                  {"python3-minimal", "python3"},
	"var/lib/rpm/":                     {"rpm", "rpm-libs"},
	"usr/lib/sysimage/rpm/":            {"rpm", "rpm-libs"},
	"var/lib/sgml-base/":               {"sgml-base"},
	"var/lib/systemd/":                 {"systemd", "init-system-helpers"},
	"var/lib/ucf/":                     {"ucf"},
	"var/lib/xml-core/":                {"xml-core"},
	"lib/apk/":                         {"apk-tools"},
	"usr/lib/apk/":                     {"apk-tools"},
	"etc/apk/":                         {"apk-tools"},
	"etc/java-":                        {"ca-certificates-java"},
	"usr/lib/x86_64-linux-gnu/gdk-pixbuf-2.0/": {"libgdk-pixbuf-2.0-0"},
}

// maker is the owner of a file that a package's program made.
func (c *claims) maker(f File) (int32, bool) {
	// A package's entry in dpkg's database goes with the package.
	if name, ok := strings.CutPrefix(f.Path, "var/lib/dpkg/info/"); ok {
		if i := strings.LastIndexByte(name, '.'); i > 0 {
			name, _, _ = strings.Cut(name[:i], ":")
			if owner, ok := c.named(name, f.Layer); ok {
				return owner, true
			}
		}
	}
	for n := range len(f.Path) + 1 {
		if n < len(f.Path) && f.Path[n] != '/' {
			continue
		}
		for _, name := range makers[f.Path[:min(n+1, len(f.Path))]] {
			if owner, ok := c.named(name, f.Layer); ok {
				return owner, true
			}
		}
		if n > longestMaker {
			break
		}
	}
	return 0, false
}

// longestMaker is the length of the longest path of makers.
var longestMaker = func() (n int) {
	for place := range makers {
		n = max(n, len(place))
	}
	return n
}()
