package image

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// distribution is what a full system has and a service does not use, by what it
// is for. The names are those of Debian's and of Red Hat's packages.
var distribution = []struct {
	use   string
	names *regexp.Regexp
}{
	{"version control", regexp.MustCompile(`^(git|git-man|mercurial|mercurial-common|subversion|libsvn1|bzr|brz|python3-breezy|cvs)$`)},
	{"images and graphics", regexp.MustCompile(`^(imagemagick.*|libmagick.*|ghostscript|libgs\d+.*|librsvg2-bin|libwmf-bin)$`)},
	{"databases' clients", regexp.MustCompile(`^(mariadb-common|default-mysql-client|mysql-common|mariadb-client.*|postgresql-client.*|libmariadb3|libpq5)$`)},
	{"starting a machine", regexp.MustCompile(`^(systemd(-sysv|-timesyncd|-resolved)?|udev|init|dracut|initramfs-tools.*|linux-image-.*|grub-.*|kmod|dbus(-.*)?|rsyslog|cron|logrotate|NetworkManager.*|polkitd?)$`)},
	{"manuals", regexp.MustCompile(`^(man-db|groff(-base)?|manpages|info|install-info|texinfo)$`)},
	{"editors", regexp.MustCompile(`^(vim(-.*)?|nano|emacs.*|ed|joe)$`)},
	{"remote shells", regexp.MustCompile(`^(openssh-.*|telnet|rsh-client|ftp|lftp|rsync|screen|tmux)$`)},
	{"mail", regexp.MustCompile(`^(exim4.*|postfix|sendmail.*|bsd-mailx|mailutils.*)$`)},
	{"desktops", regexp.MustCompile(`^(adwaita-icon-theme|hicolor-icon-theme|x11-.*|xauth|xserver-.*|gnome-.*|libgtk-[34].*|libgtk2.*|fonts-.*|humanity-icon-theme)$`)},
}

// fullOS counts the operating system's packages. A slim Python base has about a
// hundred, buildpack-deps (which python:3.x stands on) over four hundred.
func fullOS(s *survey) *Finding {
	packages := make(map[string]bool)
	uses := make(map[Owner]string)
	for _, o := range s.o.All {
		if (o.Kind != Dpkg && o.Kind != Rpm && o.Kind != Apk) || o.Wasted == o.Bytes && o.Bytes > 0 {
			continue
		}
		packages[o.Name] = true
		for _, d := range distribution {
			if d.names.MatchString(o.Name) {
				uses[o.Owner] = d.use
			}
		}
	}
	const slim = 200
	kinds := make(map[string]bool)
	for _, use := range uses {
		kinds[use] = true
	}
	if len(packages) < slim || len(kinds) < 3 {
		return nil
	}
	h := s.haul()
	for i, f := range s.x.Files {
		if f.Visible() {
			if use := uses[s.o.Of(i)]; use != "" {
				h.add(use, i)
			}
		}
	}
	f := h.finding(0)
	if f == nil {
		f = new(Finding)
	}
	f.Evidence = append([]string{fmt.Sprintf("%s, %d packages", s.release(), len(packages))}, f.Evidence...)
	return f
}

// release is the operating system by its own words.
func (s *survey) release() string {
	for _, p := range []string{"etc/os-release", "usr/lib/os-release"} {
		for line := range strings.Lines(string(s.x.Content(p))) {
			if name, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
				return short(strings.Trim(name, `"'`))
			}
		}
	}
	return "an operating system without a name"
}

// setUserID lists programs that anybody may run with their owner's rights.
func setUserID(s *survey) *Finding {
	var paths []string
	for _, f := range s.x.Files {
		if f.Visible() && f.Kind == Regular && f.Mode&fs.ModeSetuid != 0 {
			paths = append(paths, short(f.Path))
		}
	}
	if paths == nil {
		return nil
	}
	slices.Sort(paths)
	return &Finding{Evidence: cut(paths)}
}
