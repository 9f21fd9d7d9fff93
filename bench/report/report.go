// Package report renders results: for terminals, pull requests, programs,
// spreadsheets, CI systems and monitoring. Every rendering is a Writer over a saved or fresh result.
package report

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"mlbench/bench"
)

// A Writer renders a result of some command.
type Writer[T any] func(w io.Writer, result T) error

// A Format is one way to render a result.
type Format[T any] struct {
	Name   string // as --format takes it; "" where it is for files only
	Suffix string // of the files that are written so; "" where it is for a terminal only
	Write  Writer[T]
}

// Formats are the ways to render what one command finds.
type Formats[T any] []Format[T]

// Results are the formats of what compare and run measure.
var Results = Formats[*bench.Result]{
	{"text", "", Text},
	{"markdown", ".md", Markdown},
	{"json", ".json", JSON},
	{"", ".html", HTML},
	{"", ".csv", CSV},
	{"", ".xml", JUnit},
	{"", ".prom", OpenMetrics},
}

// JSON writes the result file itself.
func JSON(w io.Writer, r *bench.Result) error { return r.Write(w) }

// asJSON writes what other commands find, whole.
func asJSON[T any](w io.Writer, found T) error { return bench.WriteJSON(w, found) }

// Named is the Writer of a --format.
func (f Formats[T]) Named(name string) (Writer[T], error) {
	for _, format := range f {
		if name != "" && format.Name == name {
			return format.Write, nil
		}
	}
	return nil, fmt.Errorf("no format %q: there are %s", name, strings.Join(f.Names(), ", "))
}

// ForFile is the Writer that a file's suffix asks for.
func (f Formats[T]) ForFile(path string) (Writer[T], error) {
	suffix := strings.ToLower(filepath.Ext(path))
	for _, format := range f {
		if suffix != "" && format.Suffix == suffix {
			return format.Write, nil
		}
	}
	return nil, fmt.Errorf("%s: no format for the suffix %q: there are %s", path, filepath.Ext(path), strings.Join(f.Suffixes(), ", "))
}

// Names are what --format takes.
func (f Formats[T]) Names() []string {
	return f.list(func(format Format[T]) string { return format.Name })
}

// Suffixes are those of the files that can be written.
func (f Formats[T]) Suffixes() []string {
	return f.list(func(format Format[T]) string { return format.Suffix })
}

func (f Formats[T]) list(of func(Format[T]) string) []string {
	var list []string
	for _, format := range f {
		if s := of(format); s != "" {
			list = append(list, s)
		}
	}
	return list
}
