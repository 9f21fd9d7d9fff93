// Package nvml asks NVIDIA's driver of a host's GPUs, by its management library.
// The library is looked for when it is asked, so that a program starts where
// there is none; without cgo, or elsewhere than on Linux, there is never one.
//
// Its functions are bound when they are first called (see the Makefile's LAZY):
// linked for immediate binding, a program would not start without the library.
package nvml
