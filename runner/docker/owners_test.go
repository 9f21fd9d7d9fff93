package docker

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/stdcopy"

	"mlbench/runner/image"
)

const naive = "fastapi-sklearn:naive"

// scenarioImage reads one of the scenario's images.
func scenarioImage(t testing.TB, r *Runner, ref string) (*image.Index, *image.Owners) {
	t.Helper()
	needImage(t, r, ref)
	x, err := r.Index(t.Context(), ref, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return x, x.Owners()
}

// ran is what a shell script says in a container of an image, and the container.
func ran(t testing.TB, r *Runner, ref, script string) (said, id string) {
	t.Helper()
	ctx := t.Context()
	c, err := r.cli.ContainerCreate(ctx, &container.Config{
		Image: ref, Entrypoint: []string{"sh", "-euc"}, Cmd: []string{script}, User: "0", AttachStdout: true, AttachStderr: true,
	}, &container.HostConfig{NetworkMode: "none"}, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.cli.ContainerRemove(context.Background(), c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
			t.Error(err)
		}
	})
	stream, err := r.cli.ContainerAttach(ctx, c.ID, container.AttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if err := r.cli.ContainerStart(ctx, c.ID, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &errs, stream.Reader); err != nil {
		t.Fatal(err)
	}
	ended, failed := r.cli.ContainerWait(ctx, c.ID, container.WaitConditionNotRunning)
	select {
	case err := <-failed:
		t.Fatal(err)
	case end := <-ended:
		if end.StatusCode != 0 {
			t.Fatalf("status %d: %s", end.StatusCode, errs.String())
		}
	}
	return out.String(), c.ID
}

func said(t testing.TB, r *Runner, ref, script string) string {
	t.Helper()
	out, _ := ran(t, r, ref, script)
	return out
}

// Debian's own tools have to agree with us, package by package and to the byte:
// dpkg says which paths are a package's, stat what they hold.
func TestOwnersOfScenario(t *testing.T) {
	r := closing(t, Options{})
	x, o := scenarioImage(t, r, naive)

	var total, named int64
	for _, owned := range o.All {
		total += owned.Bytes
		if owned.Kind != image.Unowned {
			named += owned.Bytes
		}
	}
	if total != x.UnpackedBytes() {
		t.Errorf("owners have %d bytes of %d", total, x.UnpackedBytes())
	}
	if float64(named) < 0.95*float64(total) {
		t.Errorf("only %d of %d bytes have an owner with a name", named, total)
	}

	of, sizes := dpkgCount(t, r)
	want, got := make(map[string]int64), make(map[string]int64)
	var compiled, database, made int64
	for path, name := range of {
		if name != "" {
			want[name] += sizes[path]
		}
	}
	for i, f := range x.Files {
		if path := "/" + f.Path; f.Visible() && of[path] != "" {
			if o.Of(i).Kind != image.Dpkg {
				t.Errorf("%s belongs to %v, and dpkg says %s", path, o.Of(i), of[path])
			}
			got[o.Of(i).Name] += f.Size
		} else if f.Visible() && o.Of(i).Kind == image.Dpkg {
			switch _, listed := sizes[path]; {
			case listed:
			case strings.HasSuffix(path, ".pyc"):
				compiled += f.Size
			case strings.HasPrefix(path, "/var/lib/dpkg/"):
				database += f.Size
			default:
				made += f.Size
			}
		}
	}
	// What dpkg does not list is what Python compiled, dpkg's own database, and
	// little else.
	found := strings.Fields(said(t, r, naive, `
		find /usr -xdev -name '*.pyc' -printf '%s\n' | awk '{n += $1} END {printf "%d\n", n}'
		find /var/lib/dpkg -xdev -type f -printf '%s\n' | awk '{n += $1} END {printf "%d\n", n}'`))
	if want := []string{fmt.Sprint(compiled), fmt.Sprint(database)}; !slices.Equal(found, want) {
		t.Errorf("compiled and database: %v, and find says %v", want, found)
	}
	if made > 10e6 {
		t.Errorf("packages have made %d bytes more", made)
	}
	for name, bytes := range want {
		if got[name] != bytes {
			t.Errorf("%s: %d bytes, and dpkg and stat say %d", name, got[name], bytes)
		}
	}
	var sum int64
	for _, bytes := range want {
		sum += bytes
	}
	if sum < 1e9 {
		t.Errorf("only %d bytes were compared", sum)
	}
	t.Logf("%d packages, %d bytes; %d compiled, %d of dpkg's database, %d made", len(want), sum, compiled, database, made)
}

// dpkgCount asks dpkg whose each path is, "" of what is several packages', and
// stat how many bytes it has: of a hard link those of the first name alone. Debian
// has /lib and its like in /usr, where dpkg does not say so.
func dpkgCount(t testing.TB, r *Runner) (of map[string]string, sizes map[string]int64) {
	out := said(t, r, naive, `
		export LC_ALL=C
		dpkg-query -W -f '${Package}\n'
		echo ==
		dpkg-query -W -f '${binary:Package}\n' | xargs dpkg -L | sed -E 's#^/(s?bin|lib|lib32|lib64|libx32)(/|$)#/usr/\1\2#' > /tmp/lists
		cat /tmp/lists
		echo ==
		sort -u /tmp/lists | grep ^/ | xargs -d '\n' stat -c '%F|%i|%s|%n' 2>/dev/null || true`)
	parts := strings.SplitN(out, "==\n", 3)
	sizes = make(map[string]int64)
	seen := make(map[string]bool)
	for line := range strings.Lines(parts[2]) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "|", 4)
		if len(f) != 4 || f[0] == "directory" {
			continue
		}
		size, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if seen[f[1]] {
			size = 0
		}
		seen[f[1]] = true
		sizes[f[3]] = size
	}
	of = make(map[string]string)
	names := strings.Fields(parts[0])
	for i, list := range strings.Split(strings.TrimSuffix(parts[1], "\n"), "\n\n") {
		for path := range strings.Lines(list) {
			path = strings.TrimSuffix(path, "\n")
			if _, ok := sizes[path]; !ok {
				continue
			}
			if other, ok := of[path]; ok && other != names[i] {
				of[path] = ""
				continue
			}
			of[path] = names[i]
		}
	}
	return of, sizes
}

// apt has to agree which packages are there only because they are recommended.
func TestReasonsOfScenario(t *testing.T) {
	r := closing(t, Options{})
	x, o := scenarioImage(t, r, naive)
	var sum int64
	reasons := make(map[string]image.Reason)
	for _, reason := range x.Reasons(o) {
		sum += reason.Bytes
		reasons[reason.Name] = reason
	}
	if sum != x.UnpackedBytes() {
		t.Errorf("reasons have %d bytes of %d", sum, x.UnpackedBytes())
	}
	var got, want []string
	for _, p := range reasons[image.ReasonRecommended].Packages {
		got = append(got, p.Name)
	}
	out := said(t, r, naive, "apt-get -s autoremove -o APT::AutoRemove::RecommendsImportant=false -o APT::AutoRemove::SuggestsImportant=false")
	for line := range strings.Lines(out) {
		var name string
		if n, _ := fmt.Sscanf(line, "Remv %s", &name); n == 1 {
			want = append(want, name)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("recommended: %v\napt would remove: %v", got, want)
	}
	largest := x.Reasons(o)
	if largest[0].Name != image.ReasonRecommended || largest[1].Name != image.ReasonToolchain {
		t.Errorf("the largest are %s and %s", largest[0].Name, largest[1].Name)
	}
}

// What pip and dpkg themselves write down in a layer on top: a package and one
// that is run from its sources, and one that is removed.
func TestOwnersOfLayerOnTop(t *testing.T) {
	r := closing(t, Options{})
	_, before := scenarioImage(t, r, naive)
	out, id := ran(t, r, naive, `
		mkdir -p /tmp/p/demo /srv/devel/devel
		cd /tmp/p
		echo "from setuptools import setup
setup(name='Demo_Pkg', version='1.2', packages=['demo'], package_data={'demo': ['*.txt']}, scripts=['demo-script'])" > setup.py
		echo x = 1 > demo/__init__.py
		echo data > 'demo/a, \"b\".txt'
		echo '#!/bin/sh' > demo-script
		cd /srv/devel
		echo "from setuptools import setup
setup(name='devel', version='0.1', packages=['devel'])" > setup.py
		echo y = 2 > devel/__init__.py
		touch /tmp/before
		python3 -m pip install --quiet --no-index --no-deps --no-build-isolation --break-system-packages /tmp/p
		find /usr/local -newer /tmp/before -type f
		python3 -m pip install --quiet --no-index --no-deps --no-build-isolation --break-system-packages -e /srv/devel
		dpkg --remove --force-depends python3-nose > /dev/null`)
	c, err := r.cli.ContainerCommit(t.Context(), id, container.CommitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := r.cli.ImageRemove(context.Background(), c.ID, dockerimage.RemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	}()
	x, err := r.Index(t.Context(), c.ID, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := x.Owners()
	paths := strings.Split(strings.TrimSpace(out), "\n")
	if len(paths) < 8 {
		t.Errorf("pip has made only %q", paths)
	}
	demo := image.Owner{Kind: image.Pip, Name: "demo-pkg", Version: "1.2"}
	for _, path := range paths {
		if i, ok := x.Lookup(strings.TrimPrefix(path, "/")); !ok || o.Of(i) != demo {
			t.Errorf("%s: %v", path, o.Of(i))
		}
	}
	if i, ok := x.Lookup("srv/devel/devel/__init__.py"); !ok || o.Of(i).Name != "devel" {
		t.Errorf("what is run from its sources belongs to %v", o.Of(i))
	}
	nose := func(o *image.Owners) image.Owned {
		return o.All[slices.IndexFunc(o.All, func(owned image.Owned) bool { return owned.Name == "python3-nose" })]
	}
	if was, is := nose(before), nose(o); is.Bytes < was.Bytes || is.Wasted < was.Bytes*9/10 {
		t.Errorf("removed: %+v, before %+v", is, was)
	}
	names := make(map[string]string)
	var sum int64
	for _, reason := range x.Reasons(o) {
		sum += reason.Bytes
		for _, p := range reason.Packages {
			names[p.Name] = reason.Name
		}
	}
	if sum != x.UnpackedBytes() || names["demo-pkg"] != "demo-pkg" || names["python3-nose"] != image.ReasonRemoved {
		t.Errorf("%d bytes of %d: %q, %q", sum, x.UnpackedBytes(), names["demo-pkg"], names["python3-nose"])
	}
}

// BenchmarkOwners is of the 60,000 files of the scenario's image.
func BenchmarkOwners(b *testing.B) {
	r := engine(b, Options{})
	defer func() { _ = r.Close() }()
	x, o := scenarioImage(b, r, naive)
	b.Run("owners", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x.Owners()
		}
	})
	b.Run("reasons", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x.Reasons(o)
		}
	})
}
