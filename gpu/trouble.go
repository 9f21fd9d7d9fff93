package gpu

import "errors"

// Why a host's driver cannot be asked, or not of all GPUs.
var (
	ErrNoDriver   = errors.New("no NVIDIA driver here")
	ErrCannotAsk  = errors.New("this mlbench cannot ask NVIDIA's driver") // built without what it takes
	ErrNotLoaded  = errors.New("NVIDIA's driver is not loaded")
	ErrMismatch   = errors.New("NVIDIA's driver and its library are of different versions")
	ErrPermission = errors.New("no permission to ask NVIDIA's driver")
	ErrLost       = errors.New("the GPU is lost")
	ErrSilent     = errors.New("NVIDIA's driver does not answer")
	ErrDriver     = errors.New("NVIDIA's driver fails") // for any other reason
)

// What to do about trouble that shows in several places.
const (
	RemedyLost   = "see dmesg for its Xid, end what uses it, and reset it (nvidia-smi --gpu-reset) or reboot"
	RemedySilent = "see whether nvidia-smi answers, and dmesg for the driver's errors (Xid); a reboot may be needed"
	RemedyAsleep = "switch persistence mode on (sudo nvidia-smi -pm 1), or run nvidia-persistenced"
)

// A TroubleError is why a host's driver could not be asked.
type TroubleError struct {
	Kind   error  // one of the above
	Tried  string // e.g. nvmlInit, or the libraries looked for
	Found  string // what came back, in the driver's words; may be ""
	Remedy string
}

func (e *TroubleError) Error() string { return e.What() + ": " + e.Remedy }

// What is the error without its remedy.
func (e *TroubleError) What() string {
	s := e.Kind.Error() + " (" + e.Tried
	if e.Found != "" {
		s += ": " + e.Found
	}
	return s + ")"
}

// Unwrap is the kind of trouble, for errors.Is.
func (e *TroubleError) Unwrap() error { return e.Kind }
