package gpu

// Needs are what an image wants of a host's GPUs.
type Needs struct {
	GPU  bool   `json:"gpu"`  // it has anything of CUDA
	CUDA CUDA   `json:"cuda"` // that its framework was built for, else that its toolkit is of
	From string `json:"cuda_from,omitempty"`

	Seen       []Seen      `json:"cuda_seen"` // every version, the most telling first
	Conflicts  []string    `json:"conflicts"` // what of them does not fit together
	Frameworks []Framework `json:"frameworks"`
	CUDNN      string      `json:"cudnn,omitempty"` // version of cuDNN

	Compat  []Compat `json:"compat"`       // forward compatibility libraries
	JIT     []string `json:"compiles_ptx"` // what compiles PTX at run time
	Looked  bool     `json:"looked"`       // its libraries were looked into
	Kernels []Kernel `json:"kernels"`      // libraries with GPU code

	Requirements    []Requirement `json:"requirements"`
	DisableRequire  bool          `json:"disable_require,omitempty"` // NVIDIA_DISABLE_REQUIRE
	VisibleDevices  *string       `json:"visible_devices"`           // NVIDIA_VISIBLE_DEVICES; nil where unset
	Capabilities    *string       `json:"driver_capabilities"`       // NVIDIA_DRIVER_CAPABILITIES; nil where unset
	LibraryPathTold bool          `json:"compat_in_library_path,omitempty"`
}

// A Seen is a CUDA version and what tells it.
type Seen struct {
	CUDA CUDA   `json:"cuda"`
	From string `json:"from"`
}

// A Framework is one that can use CUDA.
type Framework struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	CUDA    CUDA   `json:"cuda"` // that it was built for; unknown where nothing says so
	CPU     bool   `json:"cpu"`  // it was built without CUDA
	From    string `json:"from"` // the file that says so
}

// A Compat is a driver's user-mode library for hosts with an older driver
// (package cuda-compat).
type Compat struct {
	Path   string `json:"path"`
	Driver Driver `json:"driver"` // that it is of, by its name
	Note   *Note  `json:"note"`   // what it says of where it runs; nil where it says nothing
	Looked bool   `json:"looked"` // it was looked into, and a nil Note means that it has none
}

// A Note is what a compatibility library says of where it runs: its ELF note
// .note.cuda.fwd_compatibility, as NVIDIA's container toolkit reads it.
type Note struct {
	CUDA     CUDA  `json:"cuda"`
	Branches []int `json:"driver_branches,omitempty"` // of drivers that it runs on; empty where it says none
}

// A Kernel is a library with code for GPUs.
type Kernel struct {
	Path    string `json:"path"`
	Archs   []Arch `json:"archs"`
	Unclear string `json:"unclear,omitempty"` // what of it was not understood
}
