//go:build linux && cgo

package nvml

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"mlbench/gpu"
	"mlbench/gpu/nvml/nvmltest"
)

// BenchmarkWatchThisHost measures the CPU time that a second of watching all of
// this host's GPUs takes.
func BenchmarkWatchThisHost(b *testing.B) {
	path, err := find(libraries)
	if err != nil {
		b.Skip("needs a GPU: ", err)
	}
	watchFor(b, nvml.New(nvml.WithLibraryPath(path)))
}

// BenchmarkWatch measures the CPU time that a second of watching takes, with two
// processes on every GPU. Its driver is the stand-in, where an answer is some
// system calls on files: what a real one takes for it is not in the figure. A
// process has one driver, so it is not run where there is a real one.
func BenchmarkWatch(b *testing.B) {
	if _, err := find(libraries); err == nil {
		b.Skip("this host has a driver: see BenchmarkWatchThisHost")
	}
	for _, gpus := range []int{1, 8} {
		b.Run(fmt.Sprintf("gpus=%d", gpus), func(b *testing.B) {
			d := nvmltest.New(b, gpus)
			b.Setenv(nvmltest.FolderVariable, d.Folder)
			for i := range gpus {
				d.Tenant(b, fmt.Sprint(i), 300e6)
				d.Tenant(b, fmt.Sprint(i), 200e6)
			}
			watchFor(b, nvml.New(nvml.WithLibraryPath(filepath.Join(d.Library, "libnvidia-ml.so.1"))))
		})
	}
}

func watchFor(b *testing.B, library nvml.Interface) {
	m, err := open(library, nil)
	if err != nil {
		b.Skip("needs a GPU: ", err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			b.Error(err)
		}
	}()
	s := &gpu.Sampler{Meter: m}
	var used, watched time.Duration
	var samples int
	for b.Loop() {
		begin := time.Now()
		w := s.Watch(func(int) bool { return false })
		time.Sleep(2 * time.Second)
		u, err := w.Stop()
		if err != nil {
			b.Fatal(err)
		}
		watched += time.Since(begin)
		used += u.CPU
		samples += u.Samples
	}
	b.ReportMetric(used.Seconds()*1000/watched.Seconds(), "cpu-ms/s")
	b.ReportMetric(float64(samples)/watched.Seconds(), "samples/s")
	b.ReportMetric(used.Seconds()*1e6/float64(samples), "cpu-µs/sample")
	b.ReportMetric(0, "ns/op") // it is as long as it was told to be
}
