package runnertest

import (
	"slices"
	"testing"
	"time"
)

// servers are the ways of becoming ready that BenchmarkReady measures.
var servers = []struct {
	name  string
	flags []string
}{
	{"late-listen", []string{"-listen-after", "300ms"}},
	{"503-until-ready", []string{"-listen-after", "100ms", "-ready-after", "300ms", "-unready", "503"}},
	{"hangs-until-ready", []string{"-listen-after", "100ms", "-ready-after", "300ms", "-unready", "hang"}},
}

// BenchmarkReady measures how far the measured moment of readiness is from the
// program's own, in starts of servers that become ready in different ways, and
// reports the quantiles of that error in milliseconds. An early one fails the
// benchmark: nothing is ready before it is.
func BenchmarkReady(b *testing.B, bench Bench) {
	for _, server := range servers {
		b.Run(server.name, func(b *testing.B) {
			r := bench.New(b)
			truth := NewTruth(b)
			c, err := r.Prepare(b.Context(), bench.Candidate(b, truth, server.flags...))
			if err != nil {
				b.Fatal(err)
			}
			c.Health = "/healthz"
			var late []float64
			for b.Loop() {
				s, err := r.Start(b.Context(), c, startTimeout)
				if err != nil {
					b.Fatal(err)
				}
				at, ok := s.ReadyAt()
				if !ok {
					b.Fatalf("%+v", s)
				}
				late = append(late, milliseconds(s.BeginAt.Add(at).Sub(truth.Last(b))))
			}
			if err := r.Close(); err != nil {
				b.Error(err)
			}
			slices.Sort(late)
			if late[0] < 0 {
				b.Errorf("seen %v ms before it was ready", -late[0])
			}
			n := len(late)
			b.ReportMetric(late[0], "min-ms")
			b.ReportMetric(late[n/2], "median-ms")
			b.ReportMetric(late[n*9/10], "p90-ms")
			b.ReportMetric(late[n-1], "max-ms")
			b.ReportMetric(0, "ns/op") // what one start takes is not the question
		})
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
