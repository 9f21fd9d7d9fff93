package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"mlbench/bench"
	"mlbench/runner"
)

// CSV writes a row for every start, the warm-up too. Times are milliseconds;
// an empty cell is something that the start does not have.
func CSV(w io.Writer, r *bench.Result) error {
	out := csv.NewWriter(w)
	head := []string{"candidate", "ref", "role", "block", "position", "begin_at", "outcome", "ready_ms", "resolution_ms", "resident", "cpu_ms"}
	covariates := []string{bench.CovariateCPUWait, bench.CovariateSteal, bench.CovariateProbe}
	head = append(head, covariates...)
	marks := []runner.MarkName{runner.Created, runner.Started, runner.Listening, runner.FirstResponse}
	for _, m := range marks {
		head = append(head, string(m)+"_ms")
	}
	head = append(head, "stop_ms", "error",
		"read_bytes", "major_faults", "peak_memory_bytes", "cpu_pressure_ms", "io_pressure_ms", "memory_pressure_ms", "load",
		"pulled_ms", "download_ms", "extract_ms", "already_here",
		"gpu_context_ms", "gpu_plateau_ms", "gpu_memory_bytes", "gpu_peak_bytes", "gpu_source")
	head = append(head, loadHead...) // new ones go to the end, as some readers count columns
	if err := out.Write(head); err != nil {
		return err
	}
	for _, s := range r.Starts {
		c := r.Candidates[s.Candidate]
		row := []string{
			cell(c.Name), cell(c.Ref), string(s.Role), strconv.Itoa(s.Block), strconv.Itoa(s.Position),
			s.BeginAt.Format(time.RFC3339Nano), string(s.Outcome), optional(s.ReadyMS), float(s.ResolutionMS), optional(s.Resident), optional(s.CPUMS),
		}
		for _, name := range covariates {
			if ms, ok := s.Covariates[name]; ok {
				row = append(row, float(ms))
			} else {
				row = append(row, "")
			}
		}
		at := func(name runner.MarkName) string {
			if m, ok := s.Marks[name]; ok {
				return float(m.MS)
			}
			return ""
		}
		for _, name := range marks {
			row = append(row, at(name))
		}
		host := s.Host
		if host == nil {
			host = new(bench.HostLoad)
		}
		row = append(row, float(s.StopMS), cell(s.Error),
			whole(s.ReadBytes), whole(s.MajorFaults), whole(s.PeakMemoryBytes),
			optional(host.CPUPressureMS), optional(host.IOPressureMS), optional(host.MemoryPressureMS), optional(host.Load),
			at(runner.Pulled))
		if p := s.Pull; p != nil {
			row = append(row, optional(p.DownloadMS), optional(p.ExtractMS), strconv.Itoa(p.AlreadyHere))
		} else {
			row = append(row, "", "", "")
		}
		row = append(row, at(runner.GPUContext), at(runner.GPUPlateau), whole(s.GPUMemoryBytes))
		if u := s.GPU; u != nil {
			row = append(row, whole(&u.PeakBytes), cell(string(u.Source)))
		} else {
			row = append(row, "", "")
		}
		row = append(row, loadCells(s.Load)...)
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func float(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func optional(x *float64) string {
	if x == nil {
		return ""
	}
	return float(*x)
}

func whole(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

// cell keeps a spreadsheet from taking foreign text for a formula.
func cell(s string) string {
	s = bench.Printable(s)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}
