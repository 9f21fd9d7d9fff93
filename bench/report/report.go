// Package report renders results: for terminals, pull requests, programs and
// spreadsheets. Every rendering is a Writer over a saved or fresh result.
package report

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"mlbench/bench"
)

// A Writer renders a result.
type Writer func(w io.Writer, r *bench.Result) error

// JSON writes the result file itself.
func JSON(w io.Writer, r *bench.Result) error { return r.Write(w) }

// Formats are what --format takes.
var Formats = []string{"text", "markdown", "json"}

// ForFormat is the Writer of a --format.
func ForFormat(name string) (Writer, error) {
	switch name {
	case "text":
		return Text, nil
	case "markdown":
		return Markdown, nil
	case "json":
		return JSON, nil
	}
	return nil, fmt.Errorf("no format %q: there are %s", name, strings.Join(Formats, ", "))
}

var suffixes = map[string]Writer{".json": JSON, ".md": Markdown, ".csv": CSV}

// ForFile is the Writer that a file's suffix asks for.
func ForFile(path string) (Writer, error) {
	if w, ok := suffixes[strings.ToLower(filepath.Ext(path))]; ok {
		return w, nil
	}
	var known []string
	for s := range suffixes {
		known = append(known, s)
	}
	slices.Sort(known)
	return nil, fmt.Errorf("%s: no format for the suffix %q: there are %s", path, filepath.Ext(path), strings.Join(known, ", "))
}
