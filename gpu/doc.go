// Package gpu says whether an image will run on a host's GPUs, and why not: the
// rules by which CUDA, NVIDIA's driver and the container runtime decide, as pure
// functions of what the image needs and what the host has. It reads no host and
// no image: runner/image finds the needs, gpu/nvml or flags the facts.
//
// A Sampler watches what a start uses of the GPUs, by a Meter, which gpu/nvml is.
package gpu
