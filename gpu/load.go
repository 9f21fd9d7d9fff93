package gpu

// A Meter tells again and again how much of some GPUs is in use.
type Meter interface {
	// Devices are the GPUs, or MIG instances, that it tells of.
	Devices() []Device
	// Read is what is in use of each of them right now, in the order of Devices.
	// It is called from one goroutine at a time. An error is one of the driver
	// as a whole.
	Read() ([]Load, error)
	Close() error
}

// A Load is what is in use of a GPU, or of a MIG instance, at a moment.
type Load struct {
	Used      int64     // bytes of memory, by whomever; negative where it is not told
	Busy      *int      // percent; see Readings
	Processes []Process // with a CUDA context on it; nil where they are not told
	Err       error     // what could not be read; one of a GPU that is lost wraps ErrLost
}
