package rebuild

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"mlbench/runner"
)

// A style is how something is added to the end of a file that changes nothing
// of what the file does.
type style struct {
	before, after string // around a comment
	blank         bool   // spaces and tabs, where comments are not allowed
}

// styles are those of the kinds of files that are known, by suffix or whole name.
var styles = func() map[string]style {
	all := make(map[string]style)
	for _, kinds := range []struct {
		style
		names string
	}{
		{style{before: "# "}, ".py .pyi .pyx .sh .bash .zsh .rb .pl .r .jl .ex .exs .nim .tcl .ps1 .txt .in .cfg .conf .toml .yaml .yml .properties .env .dockerignore .gitignore " +
			".cmake .mk .tf .dockerfile poetry.lock uv.lock cargo.lock yarn.lock gemfile rakefile makefile dockerfile containerfile"},
		{style{before: "// "}, ".go .js .mjs .cjs .jsx .ts .mts .cts .tsx .java .kt .kts .scala .groovy .gradle .c .h .cc .cpp .cxx .hpp .cu .cuh .cs .rs .swift .dart .zig .proto .scss .less go.mod"},
		{style{before: "-- "}, ".sql .lua .hs .elm .adb .ads"},
		{style{before: "; "}, ".ini .clj .lisp .el .scm .asm"},
		{style{before: "% "}, ".tex .erl .m"},
		{style{before: "<!-- ", after: " -->"}, ".html .htm .xml .svg .md .vue .svelte"},
		{style{before: "/* ", after: " */"}, ".css"},
		{style{blank: true}, ".json .ipynb .webmanifest"},
	} {
		for name := range strings.FieldsSeq(kinds.names) {
			all[name] = kinds.style
		}
	}
	return all
}()

// styleOf is that of a file, by its name and, without a suffix, by its "#!".
func styleOf(file string, head []byte) (style, bool) {
	base := strings.ToLower(path.Base(file))
	for _, name := range []string{base, path.Ext(base)} {
		if s, ok := styles[name]; ok {
			return s, true
		}
	}
	if strings.HasPrefix(base, "dockerfile.") {
		return styles["dockerfile"], true
	}
	if path.Ext(base) == "" && bytes.HasPrefix(head, []byte("#!")) {
		return style{before: "# "}, true
	}
	return style{}, false
}

// A change is what is done to the copy of one folder's file before each rebuild.
type change struct {
	style
	path    string // of the copy
	size    int64  // of the file as it was
	newline bool   // it does not end with one
}

// headOf is how many bytes of a file tell what it is.
const headOf = 8000

// newChange looks at the file to be changed. It has to be text of a known kind,
// unless the user says how what is appended begins.
func newChange(c runner.ContextCopy, file string, begins *string) (change, error) {
	x := change{path: filepath.Join(c.Folder, filepath.FromSlash(file))}
	if err := inContext(c, file); err != nil {
		return x, err
	}
	f, err := os.Open(x.path)
	if err != nil {
		return x, err
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, headOf)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return x, err
	}
	info, err := f.Stat()
	if err != nil {
		return x, err
	}
	if x.size = info.Size(); x.size > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, x.size-1); err != nil {
			return x, err
		}
		x.newline = last[0] != '\n'
	}
	if begins != nil {
		x.style = style{before: *begins}
		return x, nil
	}
	s, known := styleOf(file, head[:n])
	x.style = s
	switch {
	case bytes.IndexByte(head[:n], 0) >= 0:
		return x, fmt.Errorf("%s is no text, and what can be appended to it without harm is not known: say it with --append, e.g. --append ''", file)
	case !known:
		return x, fmt.Errorf("how a comment is written in %s is not known: say how one begins, e.g. --append '# '", file)
	}
	return x, nil
}

// inContext is an error where the engine gets no such file.
func inContext(c runner.ContextCopy, file string) error {
	full := filepath.Join(c.Folder, filepath.FromSlash(file))
	info, err := os.Lstat(full)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is not in the context", file)
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder: name a file in it", file)
	}
	root, err := filepath.EvalSymlinks(c.Folder)
	if err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(full)
	to, relErr := filepath.Rel(root, real)
	switch {
	case err != nil || relErr != nil || !filepath.IsLocal(to):
		return fmt.Errorf("%s is reached through a link that leads out of the context, where the engine finds nothing: name a file of the context", file)
	case filepath.ToSlash(to) != file:
		return fmt.Errorf("%s is reached through a link: name %s itself", file, filepath.ToSlash(to))
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file", file)
	}
	return nil
}

// line is what is appended. Unique has no other characters than hexadecimal
// digits and hyphens.
func (x change) line(unique string) string {
	s := x.before + "mlbench rebuild " + unique + x.after
	if x.blank {
		s = blanks(unique)
	}
	if x.newline {
		s = "\n" + s
	}
	return s + "\n"
}

// blanks writes text in spaces and tabs.
func blanks(text string) string {
	var b strings.Builder
	for i := range len(text) {
		for bit := range 8 {
			b.WriteByte(" \t"[text[i]>>bit&1])
		}
	}
	return b.String()
}

// make changes the copy, from how the file was and not from the last change.
func (x change) make(unique string) error {
	// Its mode may not let us write, and is part of what builders compare.
	info, err := os.Stat(x.path)
	if err != nil {
		return err
	}
	if err := os.Chmod(x.path, 0o600); err != nil {
		return err
	}
	f, err := os.OpenFile(x.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = f.Truncate(x.size)
	if err == nil {
		_, err = f.WriteAt([]byte(x.line(unique)), x.size)
	}
	return errors.Join(err, f.Close(), os.Chmod(x.path, info.Mode()))
}
