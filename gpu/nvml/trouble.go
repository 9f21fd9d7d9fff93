//go:build linux && cgo

package nvml

import (
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"mlbench/gpu"
)

// trouble puts what a call returned into an error with a remedy. The words are
// copied, as they lie in the library, which is unloaded in the end.
func trouble(call string, r nvml.Return) *gpu.TroubleError {
	e := &gpu.TroubleError{Tried: call, Found: strings.Clone(r.Error())}
	e.Kind, e.Remedy = gpu.ErrDriver, "see whether nvidia-smi answers, and dmesg for the driver's errors"
	switch r {
	case nvml.ERROR_DRIVER_NOT_LOADED:
		e.Kind, e.Remedy = gpu.ErrNotLoaded, "load it (modprobe nvidia) and see dmesg where that fails; after an update of the kernel its modules have to be built anew"
	case nvml.ERROR_LIB_RM_VERSION_MISMATCH:
		e.Kind, e.Remedy = gpu.ErrMismatch, "reboot, or unload and load the kernel's modules: the driver was updated and the old one is still loaded (cat /proc/driver/nvidia/version); in a container, start it anew"
	case nvml.ERROR_NO_PERMISSION:
		e.Kind, e.Remedy = gpu.ErrPermission, "run as root, or as a user that may open /dev/nvidiactl and /dev/nvidia0"
	case nvml.ERROR_GPU_IS_LOST:
		e.Kind, e.Remedy = gpu.ErrLost, gpu.RemedyLost
	case nvml.ERROR_RESET_REQUIRED:
		e.Kind, e.Remedy = gpu.ErrLost, "end what uses it, and reset it (nvidia-smi --gpu-reset) or reboot"
	case nvml.ERROR_UNKNOWN:
		// NVIDIA/nvidia-docker, issue 1730.
		e.Remedy += "; in a container that had its GPUs before, start it anew: where systemd was told to reload, it took them away"
	case nvml.ERROR_TIMEOUT:
		e.Kind = gpu.ErrSilent
	case nvml.ERROR_INSUFFICIENT_POWER:
		e.Remedy = "see that the GPU's power cables are plugged in"
	case nvml.ERROR_IRQ_ISSUE:
		e.Remedy = "the kernel has trouble with the GPU's interrupts: see dmesg, and pci settings of the firmware"
	case nvml.ERROR_LIBRARY_NOT_FOUND:
		e.Remedy = "the driver's library misses another of the driver's: install the driver anew, as a whole"
	}
	return e
}

// lacks reports whether a GPU or its driver just does not have what was asked for.
func lacks(r nvml.Return) bool {
	switch r {
	case nvml.ERROR_NOT_SUPPORTED, nvml.ERROR_FUNCTION_NOT_FOUND, nvml.ERROR_NO_DATA, nvml.ERROR_ARGUMENT_VERSION_MISMATCH, nvml.ERROR_DEPRECATED:
		return true
	}
	return false
}

// lost reports whether a GPU will answer nothing any more.
func lost(r nvml.Return) bool {
	return r == nvml.ERROR_GPU_IS_LOST || r == nvml.ERROR_RESET_REQUIRED
}
