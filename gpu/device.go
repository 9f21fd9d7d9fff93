package gpu

// A Device is one GPU. What a driver does not tell of it, or flags do not, is
// absent: nil, and not 0.
type Device struct {
	Index      int        `json:"index"`          // as nvidia-smi counts
	Name       string     `json:"name,omitempty"` // e.g. NVIDIA A100-SXM4-80GB
	UUID       string     `json:"uuid,omitempty"`
	Capability Capability `json:"compute_capability"`
	Brand      string     `json:"brand,omitempty"` // as the container runtime knows it, e.g. tesla, geforce; "" where not known
	Class      Class      `json:"class,omitempty"`

	Memory      *Memory   `json:"memory,omitempty"`
	Persistence *bool     `json:"persistence_mode,omitempty"` // without it the first that opens a GPU waits for seconds
	MIG         *MIG      `json:"mig,omitempty"`              // nil for a GPU that cannot be divided
	Readings    Readings  `json:"readings,omitzero"`
	Processes   []Process `json:"processes,omitzero"` // with a context on it; nil where they are not told, empty where there are none

	Lost     bool     `json:"lost,omitempty"`     // it has to be reset before it can be used
	Problems []string `json:"problems,omitempty"` // what could not be read of it, why, and what to do
}

// Memory is a GPU's memory, or a MIG instance's, in bytes.
type Memory struct {
	Total    int64  `json:"total_bytes"`
	Reserved *int64 `json:"reserved_bytes,omitempty"` // by driver and firmware; where nil, in Used (drivers before 510)
	Used     int64  `json:"used_bytes"`
	Free     int64  `json:"free_bytes"`
}

// Readings are of the moment.
type Readings struct {
	SMClock     *int     `json:"sm_clock_mhz,omitempty"`
	MemoryClock *int     `json:"memory_clock_mhz,omitempty"`
	Power       *float64 `json:"power_watts,omitempty"`
	PowerLimit  *float64 `json:"power_limit_watts,omitempty"`
	Busy        *int     `json:"utilisation_percent,omitempty"` // of the last 1/6 s to 1 s, how much of it any kernel ran
}

// A MIG is how a GPU is divided into instances.
type MIG struct {
	Enabled   bool       `json:"enabled"`
	Pending   bool       `json:"pending,omitempty"` // it will be the other way after a reset of the GPU
	Instances []Instance `json:"instances,omitempty"`
}

// An Instance is a part of a GPU that containers see as a GPU of its own.
type Instance struct {
	Index   int     `json:"index"`
	Name    string  `json:"name,omitempty"` // e.g. NVIDIA A100-SXM4-40GB MIG 1g.5gb
	UUID    string  `json:"uuid,omitempty"`
	GPU     *int    `json:"gpu_instance,omitempty"` // ids, by which Process names it
	Compute *int    `json:"compute_instance,omitempty"`
	Memory  *Memory `json:"memory,omitempty"`
}

// A Process has a context on a GPU.
type Process struct {
	PID             int    `json:"pid"`                    // in the namespace of the driver, which is the host's
	Kind            string `json:"kind"`                   // compute, graphics or mps; several joined by +
	Memory          *int64 `json:"memory_bytes,omitempty"` // on the GPU; nil where the driver does not tell, as under WSL
	GPUInstance     *int   `json:"gpu_instance,omitempty"` // of MIG
	ComputeInstance *int   `json:"compute_instance,omitempty"`
}
