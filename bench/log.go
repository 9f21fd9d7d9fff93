package bench

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"mlbench/runner"
)

// logs reports whether anybody listens.
func (x *run) logs() bool { return x.Log.Enabled(context.Background(), slog.LevelDebug) }

// logStart logs what a start found, when it is over. Nothing of what candidates
// are told is in it, such as arguments and environments.
func (x *run) logStart(s Start) {
	if !x.logs() {
		return
	}
	attrs := []any{
		slog.String("candidate", x.r.Candidates[s.Candidate].Name), slog.String("role", string(s.Role)),
		slog.Int("block", s.Block), slog.Int("position", s.Position),
		slog.Time("begin", s.BeginAt), slog.String("outcome", string(s.Outcome)),
	}
	marks := slices.SortedFunc(maps.Keys(s.Marks), func(a, b runner.MarkName) int { return cmp.Compare(s.Marks[a].MS, s.Marks[b].MS) })
	for _, name := range marks {
		attrs = append(attrs, slog.Float64(string(name)+"_ms", s.Marks[name].MS))
	}
	attrs = append(attrs, slog.Float64("resolution_ms", s.ResolutionMS), slog.Float64("stop_ms", s.StopMS))
	if x.cold.evictor != nil {
		attrs = append(attrs, slog.Duration("evicting", x.cold.took.Round(time.Microsecond)))
	}
	if s.Resident != nil {
		attrs = append(attrs, slog.Float64("resident", *s.Resident))
	}
	if g := s.GPU; g != nil {
		attrs = append(attrs, slog.Group("gpu", slog.String("source", string(g.Source)), slog.Int("samples", g.Samples),
			slog.Float64("every_ms", g.EveryMS), slog.Float64("sampler_cpu_ms", g.SamplerMS), slog.Int64("peak_bytes", g.PeakBytes)))
	}
	if s.Error != "" {
		attrs = append(attrs, slog.String("error", s.Error))
	}
	x.Log.Debug("start", attrs...)
}

// logLook logs how the comparisons stand at a look of the stopping rule.
func (x *run) logLook(pairs int) {
	if !x.logs() {
		return
	}
	for _, s := range x.standings {
		x.Log.Debug("look", slog.Int("pairs", pairs), slog.String("candidate", s.Name),
			slog.Float64("estimate", s.Change.Estimate), slog.Float64("low", s.Change.Low), slog.Float64("high", s.Change.High),
			slog.String("verdict", string(s.Verdict)), slog.Bool("settled", s.Settled))
	}
}
