package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"mlbench/bench"
	"mlbench/bench/report"
	"mlbench/runner"
	"mlbench/runner/image/policy"
)

// options are the flags that compare and run share.
type options struct {
	spec bench.Spec

	candidate runner.Candidate // what all candidates have in common
	env       []string
	request   string
	body      string

	noPreflight bool

	explain bool   // compare only
	file    string // with candidates and settings; compare and run only

	build   buildFlags
	folders map[string]*folder              // by name, of the candidates that are built first
	hint    func(line string)               // is told what an argument is taken for; nil for nobody
	prepare func(ctx context.Context) error // makes the candidates' images, once it is known that they can be measured; nil where they are there

	command []string     // as commandLine has it
	log     *slog.Logger // of what is done; nil for none

	telling rendering[*bench.Result]
	history string // folder to append the run to; "" for none
}

func (o *options) register(f *pflag.FlagSet) {
	o.registerExperiment(f)
	f.BoolVar(&o.spec.Steps, "steps", false, "compare each of several candidates with the one before it too: what each step won")
	o.telling.register(f, report.Results, "the result")
	f.StringVar(&o.history, "history", "", "append the run to the history in this `folder`, for mlbench history")
}

// registerExperiment adds the flags that say what is measured and asked.
func (o *options) registerExperiment(f *pflag.FlagSet) {
	o.registerReady(f)
	s := &o.spec
	f.VarP(parsed(&s.TargetMS, parseMillis, "duration", "1s"), "target", "", "gate: ready within this time at --quantile")
	f.VarP(parsed(&s.Quantile, parseQuantile, "share", "0.9"), "quantile", "", "of the starts, for --target")
	f.VarP(parsed(&s.MaxBytes, limitLike("--max-size 800MB"), "size", "none"), "max-size", "", "gate: unpacked size, e.g. 800MB")
	f.VarP(parsed(&s.MaxGPUBytes, limitLike("--max-gpu-memory 10GB"), "size", "none"), "max-gpu-memory", "", "gate: most memory on the GPUs in any start, e.g. 10GB")
	f.VarP(parsed(&s.Margin, parsePercent, "percent", "5%"), "margin", "", "a slowdown beyond it is a regression")
	f.VarP(parsed(&s.MaxPairs, parsePairs, "n", "40"), "max-pairs", "", "stop after so many pairs, decided or not")
	f.VarP(parsed(&s.MinPairs, parsePairs, "n", "8"), "min-pairs", "", "do not stop before")
	f.VarP(parsed(&s.Pairs, parsePairs, "n", "as many as it takes"), "pairs", "", "do exactly so many pairs")
	f.StringVar((*string)(&s.Goal), "goal", string(s.Goal), "decide: stop at any verdict; claim: go on from 'no regression' to try for 'faster'")
	f.BoolVar(&s.NoCovariate, "no-covariate", false, "judge the times alone; do not use what is known of the host")
	o.registerLoad(f)
	o.registerStart(f)
	offer(f, "goal", words(bench.Goals())...)
	f.StringSliceVar(&s.FailOn, "fail-on", s.FailOn, "gates that make the exit code 1; with inconclusive, 3 when one is")
	offer(f, "fail-on", bench.FailOn()...)
	f.IntVar(&s.AllowFailures, "allow-failures", 0, "failed starts of a candidate that the gate starts lets pass")
}

// registerReady adds the flags that say what is ready, what starts candidates
// and what is cold.
func (o *options) registerReady(f *pflag.FlagSet) {
	o.spec = bench.DefaultSpec()
	s, c := &o.spec, &o.candidate
	f.SortFlags = false

	f.VarP(parsed(&c.Port, parsePort, "port", "found"), "port", "", "port to ask (found: label mlbench.port, the exposed port, HEALTHCHECK's)")
	f.StringVar(&c.Health, "health", "", "health path to ask (found: label mlbench.health, HEALTHCHECK's, the usual ones)")
	f.VarP(parsed(&c.Ready, runner.ParseRule, "rule", "http"), "ready", "", "what is ready: http, tcp, log=REGEXP, exit, healthcheck")
	f.StringVar(&o.request, "request", "", "first real request once ready, e.g. 'POST /predict'")
	f.StringVar(&o.body, "body", "", "its body, or @FILE")

	f.StringVar(&s.Runner, "runner", s.Runner, "what starts candidates: "+strings.Join(runners, ", "))
	f.StringVar((*string)(&s.Cold), "cold", string(s.Cold), "what is cold before a start: "+strings.Join(words(bench.ColdLevels()), ", "))
	offer(f, "ready", readyRules()...)
	offer(f, "runner", runners...)
	offer(f, "cold", words(bench.ColdLevels())...)
	f.StringVar(&s.Registry, "registry", "", "with --cold pull, where the images are pulled from: HOST[/PATH] (mlbench serves copies of them itself)")
}

// registerLoad adds the flags that say how ready candidates are loaded.
func (o *options) registerLoad(f *pflag.FlagSet) {
	s := &o.spec
	f.VarP(parsed(&s.LoadMS, parseMillis, "duration", "none"), "load", "", "after all pairs, send --request again and again for so long to a few more starts of each: throughput and latency, e.g. 10s")
	f.VarP(parsed(&s.Rate, parseCount, "n", "as fast as they are answered"), "rate", "", "with --load, send so many requests per second")
	f.VarP(parsed(&s.Connections, parseCount, "n", strconv.Itoa(bench.DefaultConnections)), "connections", "", "with --load, so many requests are under way at most")
}

// registerStart adds the flags that say how candidates are started.
func (o *options) registerStart(f *pflag.FlagSet) {
	s, c := &o.spec, &o.candidate
	f.VarP(parsed(&s.TimeoutMS, parseMillis, "duration", "60s, 10m with --cold pull"), "timeout", "", "of one start; past it the start has failed")
	f.VarP(parsed(&s.Seed, parseSeed, "n", "random"), "seed", "", "of the order of starts")

	f.StringArrayVarP(&o.env, "env", "e", nil, "NAME=value for the candidates, or NAME to pass it on (repeatable)")
	f.StringArrayVarP(&c.Volumes, "volume", "v", nil, "source:target[:ro] (repeatable)")
	f.VarP(parsed(&c.Memory, units.RAMInBytes, "size", "unlimited"), "memory", "m", "memory limit, e.g. 512m, 2g")
	f.VarP(parsed(&c.CPUs, parseCPUs, "number", "all"), "cpus", "", "processors, e.g. 1.5")
	f.VarP(parsed(&c.GPUs, parseGPUs, "gpus", "none"), "gpus", "", "GPUs for the candidates: all, a number, device=ID,... (UUIDs, indexes, MIG instances, CDI names), or none")
	offer(f, "gpus", "all", "device=", "none")
	f.BoolVar(&o.noPreflight, "no-preflight", false, "with --gpus, start even where driver, GPUs and image are seen not to fit")
	f.VarP(parsed(&c.ShmSize, units.RAMInBytes, "size", "the engine's"), "shm-size", "", "size of /dev/shm, e.g. 1g")
	f.StringVar(&c.Network, "network", "", "network, as docker run has it")
	f.StringVarP(&c.User, "user", "u", "", "user, as docker run has it")
	f.StringVar(&c.Entrypoint, "entrypoint", "", "program instead of the image's entry point")
}

// complete checks what flags say together, and makes the candidates.
func (o *options) complete(f *pflag.FlagSet, refs, args []string) ([]runner.Candidate, error) {
	candidates, err := o.candidates(f, refs, args)
	if err != nil {
		return nil, err
	}
	return candidates, o.checkPreflight(candidates)
}

// checkPreflight refuses to leave out a check that nobody would make.
func (o *options) checkPreflight(candidates []runner.Candidate) error {
	if o.noPreflight && len(requests(candidates)) == 0 {
		return usage("--no-preflight without --gpus: nothing else is checked before a start: e.g. --gpus all --no-preflight")
	}
	return nil
}

// checkSteps refuses steps where there are none. A suite file may ask for them
// whatever of it is measured.
func checkSteps(f *pflag.FlagSet, candidates int) error {
	if steps := f.Lookup("steps"); steps.Changed && steps.Value.String() == "true" && candidates < 2 {
		return usage("--steps with one candidate: steps lie between several: e.g. mlbench compare old:tag slim:tag new:tag --steps")
	}
	return nil
}

// candidates are those of complete. Whether any gets GPUs is not looked at.
func (o *options) candidates(f *pflag.FlagSet, refs, args []string) ([]runner.Candidate, error) {
	s := &o.spec
	s.TargetGates = f.Changed("target")
	if f.Changed("max-pairs") && !f.Changed("min-pairs") {
		s.MinPairs = min(s.MinPairs, s.MaxPairs)
	}
	if f.Changed("min-pairs") && !f.Changed("max-pairs") {
		s.MaxPairs = max(s.MinPairs, s.MaxPairs)
	}
	if !f.Changed("seed") {
		s.Seed = uint64(rand.Uint32())
	}
	if s.Runner == "process" && !f.Changed("cold") {
		s.Cold = bench.Warm
	}
	if s.Cold == bench.Pull && !f.Changed("timeout") {
		s.TimeoutMS = bench.Millis(bench.PullTimeout)
	}
	if err := o.completeLoad(f); err != nil {
		return nil, err
	}
	if f.Changed("registry") && s.Registry == "" {
		return nil, usage("--registry: empty: give a host, e.g. --registry localhost:5000, or leave it away")
	}
	if err := s.Validate(); err != nil {
		name, rest, _ := strings.Cut(err.Error(), ":")
		return nil, usage("--%s:%s", strings.ReplaceAll(name, "_", "-"), rest)
	}
	c := &o.candidate
	if c.Health != "" && !strings.HasPrefix(c.Health, "/") {
		return nil, usage("--health: %q does not begin with a slash: e.g. --health /healthz", c.Health)
	}
	if _, err := url.ParseRequestURI(c.Health); c.Health != "" && err != nil {
		return nil, usage("--health: %w: e.g. --health /healthz", err)
	}
	if c.Ready.Kind == runner.Exit && o.request != "" {
		return nil, usage("--request: with --ready exit the program has ended and answers nothing: leave one of them out")
	}
	var err error
	if c.Env, err = environment(o.env); err != nil {
		return nil, err
	}
	if c.Request, err = request(o.request, o.body); err != nil {
		return nil, err
	}
	c.Args = args
	names, candidates := distinct(refs), make([]runner.Candidate, len(refs))
	for i, ref := range refs {
		candidates[i] = c.Clone()
		candidates[i].Name, candidates[i].Ref = names[i], ref
	}
	return candidates, nil
}

// completeLoad checks what flags say together about the load.
func (o *options) completeLoad(f *pflag.FlagSet) error {
	s := &o.spec
	if !f.Changed("load") {
		for _, name := range []string{"rate", "connections"} {
			if f.Changed(name) {
				return usage("--%s without --load: nothing is loaded: e.g. --load 10s --%s %s --request 'POST /predict'", name, name, f.Lookup(name).Value)
			}
		}
		return nil
	}
	if o.candidate.Ready.Kind == runner.Exit {
		return usage("--load: with --ready exit the program has ended and answers nothing: leave one of them out")
	}
	if o.request == "" {
		return usage("--load without --request: what is to be sent? e.g. --load 10s --request 'POST /predict' --body @x.json")
	}
	if !f.Changed("connections") {
		s.Connections = bench.DefaultConnections
	}
	return nil
}

func environment(env []string) ([]string, error) {
	var out []string
	for _, e := range env {
		name, _, given := strings.Cut(e, "=")
		if name == "" {
			return nil, usage("--env: %q has no name: e.g. --env MODEL=small", e)
		}
		if !given {
			value, ok := os.LookupEnv(name)
			if !ok {
				continue // as docker run does
			}
			e = name + "=" + value
		}
		out = append(out, e)
	}
	return out, nil
}

// maxBody bounds the body of the first request, which the result file keeps.
const maxBody = 16 << 20

func request(line, body string) (*runner.Request, error) {
	if line == "" {
		if body != "" {
			return nil, usage("--body without --request: e.g. --request 'POST /predict' --body @x.json")
		}
		return nil, nil
	}
	r := &runner.Request{Method: "GET", Path: line}
	if method, path, ok := strings.Cut(line, " "); ok {
		r.Method, r.Path = strings.ToUpper(method), strings.TrimSpace(path)
	}
	if !strings.HasPrefix(r.Path, "/") || strings.ContainsAny(r.Path, " \r\n") || strings.Trim(r.Method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return nil, usage("--request: %q is not a method and a path: e.g. --request 'POST /predict'", line)
	}
	if _, err := url.ParseRequestURI(r.Path); err != nil {
		return nil, usage("--request: %w: e.g. --request 'POST /predict'", err)
	}
	r.Body = []byte(body)
	if file, ok := strings.CutPrefix(body, "@"); ok {
		f, err := open(file)
		if err != nil {
			return nil, usage("--body: %w: e.g. --body @x.json", err)
		}
		defer func() { _ = f.Close() }()
		if r.Body, err = io.ReadAll(io.LimitReader(f, maxBody+1)); err != nil {
			return nil, usage("--body: %w", err)
		}
	}
	if len(r.Body) > maxBody {
		return nil, usage("--body: over %d MiB long", maxBody>>20)
	}
	return r, nil
}

// value is a flag whose text is parsed when it is given.
type value[T any] struct {
	to    *T
	parse func(string) (T, error)
	kind  string
	text  string
}

// parsed makes a flag of to. The help names what kind of thing it takes, and
// shown as its default.
func parsed[T any](to *T, parse func(string) (T, error), kind, shown string) pflag.Value {
	return &value[T]{to, parse, kind, shown}
}

func (v *value[T]) String() string { return v.text }

func (v *value[T]) Type() string { return v.kind }

func (v *value[T]) Set(s string) error {
	x, err := v.parse(s)
	if err != nil {
		return err
	}
	*v.to, v.text = x, s
	return nil
}

func parsePort(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("not a port between 1 and 65535: e.g. --port 8080")
	}
	return n, nil
}

func parseMillis(s string) (float64, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("not a time with its unit: e.g. 1s or 800ms")
	}
	return bench.Millis(d), nil
}

func parseQuantile(s string) (float64, error) {
	text, divisor := strings.TrimPrefix(s, "p"), 1.0
	if text != s { // p90
		divisor = 100
	}
	q, err := strconv.ParseFloat(text, 64)
	q /= divisor
	if err != nil || !(q > 0 && q < 1) {
		return 0, fmt.Errorf("not between 0 and 1: e.g. --quantile 0.9")
	}
	return q, nil
}

func parsePercent(s string) (float64, error) {
	text, isPercent := strings.CutSuffix(s, "%")
	x, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if isPercent {
		x /= 100
	}
	// 5 may be meant as 5 %, and 500 % would disarm the gate.
	if err != nil || !(x > 0 && x <= 10) || !isPercent && x >= 1 {
		return 0, fmt.Errorf("not a percentage over 0: e.g. --margin 5%%")
	}
	return x, nil
}

func parsePairs(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("not a number of pairs, 1 or more: e.g. 12")
	}
	return n, nil
}

func parseCount(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("not a whole number, 0 or more: e.g. 16")
	}
	return n, nil
}

func parseSeed(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > bench.MaxSeed {
		return 0, fmt.Errorf("not a whole number between 0 and %d: e.g. --seed 7", uint64(bench.MaxSeed))
	}
	return n, nil
}

func parseCPUs(s string) (float64, error) {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || !(x > 0 && x < 1e6) {
		return 0, fmt.Errorf("not a number of processors: e.g. --cpus 1.5")
	}
	return x, nil
}

// limitLike reads a size above nothing, of which it has an example.
func limitLike(example string) func(string) (*int64, error) {
	return func(s string) (*int64, error) {
		n, err := policy.ParseSize(s)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("not a size with its unit: e.g. %s", example)
		}
		return &n, nil
	}
}

// words are those of a list of names.
func words[T ~string](list []T) []string {
	var s []string
	for _, x := range list {
		s = append(s, string(x))
	}
	return s
}

// readyRules are what --ready takes, or begins with.
func readyRules() []string {
	kinds := words(runner.RuleKinds())
	for i, k := range kinds {
		if k == string(runner.Log) {
			kinds[i] += "="
		}
	}
	return kinds
}
