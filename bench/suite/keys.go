package suite

import "slices"

// A form is how the value of a key is written.
type form string

const (
	text   form = "text or a number"
	whole  form = "a whole number"
	number form = "a number"
	truth  form = "true or false"
	list   form = "a list"
	vars   form = "names with values, or a list of NAME=value"
)

// A key is one that a suite file may have. Its name is that of the flag, as
// are the words that its value is written in, so that what is learnt of one holds
// for the other.
type key struct {
	name string
	form form
	each bool     // a candidate may have its own
	made bool     // it says how images are built, and so is for folders alone
	only []string // values that there are; empty is any
	eg   string   // an example of its value
	says string   // for editors, and for who begins a file
}

var keys = []key{
	{name: "port", form: whole, each: true, eg: "8080", says: "port to ask; found where it is left out: label mlbench.port, the exposed port, HEALTHCHECK's"},
	{name: "health", form: text, each: true, eg: "/healthz", says: "health path to ask, e.g. /healthz; found where it is left out"},
	{name: "ready", form: text, each: true, eg: "http", says: "what is ready: http, tcp, log=REGEXP, exit, healthcheck"},
	{name: "request", form: text, each: true, eg: "POST /predict", says: "first real request once ready, e.g. POST /predict"},
	{name: "body", form: text, each: true, eg: `"@x.json"`, says: "its body, or @FILE, a path from this file's folder"},
	{name: "runner", form: text, only: []string{"docker", "process"}, eg: "docker", says: "what starts candidates; process where they are commands"},
	{name: "cold", form: text, only: []string{"auto", "warm", "cache", "pull"}, eg: "auto", says: "what is cold before a start"},
	{name: "registry", form: text, eg: "localhost:5000", says: "with cold: pull, where the images are pulled from: HOST[/PATH]"},
	{name: "target", form: text, eg: "1s", says: "gate: ready within this time at quantile, e.g. 1s"},
	{name: "quantile", form: text, eg: "0.9", says: "of the starts, for target, e.g. 0.9"},
	{name: "max-size", form: text, eg: "800MB", says: "gate: unpacked size, e.g. 800MB"},
	{name: "max-gpu-memory", form: text, eg: "10GB", says: "gate: most memory on the GPUs in any start, e.g. 10GB"},
	{name: "margin", form: text, eg: "5%", says: "a slowdown beyond it is a regression, e.g. 5%"},
	{name: "max-pairs", form: whole, eg: "40", says: "stop after so many pairs, decided or not"},
	{name: "min-pairs", form: whole, eg: "8", says: "do not stop before"},
	{name: "pairs", form: whole, eg: "12", says: "do exactly so many pairs"},
	{name: "goal", form: text, only: []string{"decide", "claim"}, eg: "decide", says: "decide: stop at any verdict; claim: go on from no regression to try for faster"},
	{name: "no-covariate", form: truth, eg: "true", says: "judge the times alone; do not use what is known of the host"},
	{name: "steps", form: truth, eg: "true", says: "compare each of several candidates with the one before it too"},
	{name: "load", form: text, eg: "10s", says: "after all pairs, send request again and again for so long: throughput and latency, e.g. 10s"},
	{name: "rate", form: whole, eg: "50", says: "with load, send so many requests per second"},
	{name: "connections", form: whole, eg: "4", says: "with load, so many requests are under way at most"},
	{name: "timeout", form: text, eg: "60s", says: "of one start; past it the start has failed, e.g. 60s"},
	{name: "seed", form: whole, eg: "7", says: "of the order of starts; random where it is left out"},
	{name: "env", form: vars, each: true, eg: "{MODEL: small, HF_TOKEN: }", says: "environment of the candidates; a name without value is passed on. A candidate's adds to the file's, by name"},
	{name: "volume", form: list, each: true, eg: "[./models:/models:ro]", says: "source:target[:ro]; a source that begins with a dot is a path from this file's folder"},
	{name: "memory", form: text, each: true, eg: "2g", says: "memory limit, e.g. 512m, 2g"},
	{name: "cpus", form: number, each: true, eg: "1.5", says: "processors, e.g. 1.5"},
	{name: "gpus", form: text, each: true, eg: "all", says: "GPUs for the candidates: all, a number, device=ID,... or none"},
	{name: "no-preflight", form: truth, eg: "true", says: "with gpus, start even where driver, GPUs and image are seen not to fit"},
	{name: "shm-size", form: text, each: true, eg: "1g", says: "size of /dev/shm, e.g. 1g"},
	{name: "network", form: text, each: true, eg: "bridge", says: "network, as docker run has it"},
	{name: "user", form: text, each: true, eg: "1000", says: "user, as docker run has it"},
	{name: "entrypoint", form: text, each: true, eg: "/app/serve", says: "program instead of the image's entry point"},
	{name: "args", form: list, each: true, eg: "[--workers, 1]", says: "arguments, as after -- on the command line"},
	{name: "build-arg", form: vars, each: true, made: true, eg: "{BASE: \"debian:bookworm-slim\"}", says: "for folders, values of their Dockerfiles' ARGs. A candidate's add to the file's, by name"},
	{name: "dockerfile", form: text, each: true, made: true, eg: "Dockerfile.gpu", says: "for folders, the Dockerfile, a path in the folder"},
	{name: "build-target", form: text, each: true, made: true, eg: "runtime", says: "for folders, the stage to build; the last where it is left out"},
	{name: "fail-on", form: list, only: []string{"starts", "regression", "target", "size", "gpu_memory", "inconclusive"}, eg: "[starts, regression, target, size, gpu_memory]", says: "gates that make the exit code 1; with inconclusive, 3 when one is"},
	{name: "allow-failures", form: whole, eg: "1", says: "failed starts of a candidate that the gate starts lets pass"},
}

// What a file has besides settings, and a candidate.
const (
	keyCandidates = "candidates"
	keyPolicy     = "policy"
	keyName       = "name"
)

var kinds = []Kind{Image, Folder, Command}

// Keys are the names of the settings, and of those that a candidate may have of
// its own where each is asked for.
func Keys(each bool) []string {
	var names []string
	for _, k := range keys {
		if k.each || !each {
			names = append(names, k.name)
		}
	}
	return names
}

func find(name string) (key, bool) {
	i := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
	if i < 0 {
		return key{}, false
	}
	return keys[i], true
}
