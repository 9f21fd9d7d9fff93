package bench

// Explained is what --explain found of one candidate, to be drawn: the JSON of
// `mlbench explain` has all of it. It is of starts of its own, and no verdict
// rests on it.
type Explained struct {
	Candidate int      `json:"candidate"`
	Imports   *Imports `json:"imports"` // nil where none were seen
	Touched   *Touched `json:"touched"` // nil where it cannot be told
}

// Imports are what Python imported until it was ready, in profiled starts,
// which are slower for it. Times are milliseconds.
type Imports struct {
	Modules int      `json:"modules"`
	TotalMS float64  `json:"total_ms"` // of all of them
	Largest []Import `json:"largest"`  // in the order of the imports
}

// An Import is a module with what it is the first to import. They are one list
// and no tree, so that no file can nest them without end.
type Import struct {
	Module       string  `json:"module"`
	Depth        int     `json:"depth"`   // how many imports it is in
	FromMS       float64 `json:"from_ms"` // of those before it: where it stands beside them
	CumulativeMS float64 `json:"cumulative_ms"`
	SelfMS       float64 `json:"self_ms"` // of it, in the module itself
}

// Touched is what of the image's files a start from cold left in memory.
type Touched struct {
	Bytes        int64        `json:"bytes"` // of all files
	TouchedBytes int64        `json:"touched_bytes"`
	Owners       []OwnerBytes `json:"owners"` // the one with the most in files that were never touched first
	More         int          `json:"more"`   // owners that are left out
}

// OwnerBytes are an owner's, such as a package's.
type OwnerBytes struct {
	Owner        string `json:"owner"`
	Bytes        int64  `json:"bytes"`
	TouchedBytes int64  `json:"touched_bytes"`
}
