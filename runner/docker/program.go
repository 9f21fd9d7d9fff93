package docker

import (
	"archive/tar"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"

	"mlbench/runner"
)

// A Program is an executable of this host, to make an image of.
type Program struct {
	Name       string   // of the image: mlbench-NAME:SESSION
	Path       string   // of the executable
	Entrypoint []string // of the image; the executable is Executable in it
	Port       int      // that it exposes
}

// Executable is where the program is in an image that ImportProgram has made.
const Executable = "/mlbench"

// ImportProgram makes an image of an executable of this host, with the
// libraries that it needs and nothing else, and returns its reference. Nothing
// is downloaded. Close removes the image.
func (r *Runner) ImportProgram(ctx context.Context, p Program) (ref string, err error) {
	cannot := func(err error) (string, error) {
		return "", runner.As(runner.ErrEnvironment, fmt.Errorf("making an image of %s: %w", p.Path, err))
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != r.arch {
		return cannot(fmt.Errorf("it is for %s/%s and the engine runs linux/%s: run mlbench on the engine's host, or use --runner process",
			runtime.GOOS, runtime.GOARCH, r.arch))
	}
	libraries, err := libraries(ctx, p.Path)
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		return cannot(fmt.Errorf("%w: use --runner process, or an mlbench that was built with CGO_ENABLED=0", err))
	}
	entrypoint, err := json.Marshal(p.Entrypoint)
	if err != nil {
		return cannot(err)
	}
	changes := []string{"ENTRYPOINT " + string(entrypoint), fmt.Sprintf("EXPOSE %d", p.Port)}
	if folders := foldersOf(libraries); len(folders) > 0 {
		// The host's own list of them stays behind.
		changes = append(changes, "ENV LD_LIBRARY_PATH="+strings.Join(folders, ":"))
	}
	for k, v := range r.labels() {
		changes = append(changes, fmt.Sprintf("LABEL %s=%q", k, v))
	}
	ctx, stop := r.whileAlive(ctx)
	defer stop()
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(pack(writer, p.Path, libraries)) }()
	defer func() { _ = reader.Close() }()

	ref = "mlbench-" + p.Name + ":" + r.session
	failed := func(err error) error { return r.engineError(ctx, "importing an image of "+p.Path, err) }
	r.imported = append(r.imported, ref) // what came of a failing call is not known
	answer, err := r.cli.ImageImport(ctx, image.ImportSource{Source: reader, SourceName: "-"}, ref, image.ImportOptions{Changes: changes})
	if err != nil {
		return "", failed(err)
	}
	defer func() { _ = answer.Close() }()
	return ref, messages(answer, failed, func(jsonmessage.JSONMessage) {})
}

// removeImported removes what ImportProgram has made.
func (r *Runner) removeImported() error {
	var failed []error
	r.imported = slices.DeleteFunc(r.imported, func(ref string) bool {
		err := r.removeImage(ref)
		failed = append(failed, err)
		return err == nil
	})
	return errors.Join(failed...)
}

// libraries are the paths of what the kernel and the program's loader load
// beside an executable, the loader first; none for a statically linked one.
func libraries(ctx context.Context, path string) ([]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("it is no ELF executable: %w", err)
	}
	defer func() { _ = f.Close() }()
	loader, err := loaderOf(f)
	if loader == "" || err != nil {
		return nil, err
	}
	// The loader itself knows best where it finds what, and what that needs
	// in turn (ld.so(8); musl's understands the option too).
	out, err := exec.CommandContext(ctx, loader, "--list", path).Output()
	if err != nil {
		return nil, fmt.Errorf("which libraries it needs cannot be found out: %s --list %s: %w", loader, path, err)
	}
	return append([]string{loader}, listed(string(out))...), checkListed(string(out))
}

// loaderOf is the interpreter that an executable names, "" for none.
func loaderOf(f *elf.File) (string, error) {
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(p.Open(), 4096)) // PATH_MAX
		if err != nil {
			return "", fmt.Errorf("its ELF interpreter cannot be read: %w", err)
		}
		return strings.TrimRight(string(b), "\x00"), nil
	}
	return "", nil
}

// listed reads the paths from lines such as
// "	libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f…)".
func listed(list string) []string {
	var paths []string
	for line := range strings.Lines(list) {
		_, found, ok := strings.Cut(line, "=>")
		if fields := strings.Fields(found); ok && len(fields) > 0 && filepath.IsAbs(fields[0]) && !slices.Contains(paths, fields[0]) {
			paths = append(paths, fields[0])
		}
	}
	return paths
}

func checkListed(list string) error {
	for line := range strings.Lines(list) {
		if name, _, missing := strings.Cut(line, "=> not found"); missing {
			return fmt.Errorf("its library %s is not here", strings.TrimSpace(name))
		}
	}
	return nil
}

// foldersOf are the folders of libraries, each once; the loader is no library.
func foldersOf(libraries []string) []string {
	var folders []string
	for _, l := range libraries[min(1, len(libraries)):] {
		if d := filepath.Dir(l); !slices.Contains(folders, d) {
			folders = append(folders, d)
		}
	}
	return folders
}

// pack writes the image's files as the engine wants them.
func pack(w io.Writer, program string, libraries []string) error {
	out := tar.NewWriter(w)
	err := packFile(out, program, Executable)
	for _, l := range libraries {
		if err == nil {
			err = packFile(out, l, l)
		}
	}
	return errors.Join(err, out.Close())
}

// packFile writes one file; links are followed.
func packFile(out *tar.Writer, from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{Name: strings.TrimPrefix(to, "/"), Mode: 0o755, Size: info.Size(), ModTime: info.ModTime()}
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(out, f)
	return err
}
