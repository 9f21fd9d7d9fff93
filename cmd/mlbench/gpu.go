package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mlbench/bench/report"
	"mlbench/gpu"
	"mlbench/runner"
	"mlbench/runner/image"
)

// gpuOptions are the flags of gpu.
type gpuOptions struct {
	driver       gpu.Driver
	cuda         gpu.CUDA
	capabilities []string
	names        []string
	cdi          bool
	input        string
	build        buildFlags
	rendering    rendering[*gpu.Report]
}

func newGPU(std streams) *cobra.Command {
	var o gpuOptions
	cmd := &cobra.Command{
		Use:   "gpu [IMAGE|FOLDER] [flags]",
		Short: "Show this host's GPUs, or say whether an image's CUDA will run on them, and why not",
		Long: `gpu shows the GPUs of this host, as NVIDIA's driver tells of them.

Of an image it finds what CUDA it wants (its framework's first, then its
libraries', then its environment's) and which GPUs its code was compiled for, and
judges rule by rule whether a host runs it. That is this host where it has a
driver. Where flags tell of a host it is that one, and this one is not asked:
then neither a GPU nor a driver is needed. Nothing is started. A folder with a
Dockerfile is built first.

The exit code is 0 where it will run, perhaps with warnings, 1 where it will not,
3 where a fact is missing that decides (then it is said which), and 4 where there
is no image and this host's driver tells of no GPU.`,
		Example: `  mlbench gpu image:tag --driver 535.104.05 --compute-capability 8.0
  mlbench gpu
  mlbench gpu image:tag
  mlbench gpu image:tag --driver 470.256.02 --compute-capability 7.5 --gpu-name 'Tesla T4'
  mlbench gpu --input image.tar --driver 580.65.06 --compute-capability 9.0,8.9`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.ArgsLenAtDash() >= 0 {
				return usage("%s takes nothing after --: e.g. %s", cmd.CommandPath(), example(cmd))
			}
			if len(args) > 1 {
				return usage("%s wants one image, or --input, or neither to show this host's GPUs, and got %d: e.g. %s", cmd.CommandPath(), len(args), example(cmd))
			}
			if flag := o.build.given(); flag != "" && (len(args) == 0 || o.input != "") {
				return forFolders(flag)
			}
			if len(args) == 0 && o.input == "" {
				return o.show(cmd.Context(), std)
			}
			return o.run(cmd.Context(), std, strings.Join(args, ""))
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Var(parsed(&o.driver, gpu.ParseDriver, "version", ""), "driver", "of the host, e.g. 535.104.05, as nvidia-smi has it")
	f.Var(parsed(&o.cuda, gpu.ParseCUDA, "version", "that of the driver"), "cuda", "that the host's driver offers, e.g. 12.2")
	f.StringSliceVar(&o.capabilities, "compute-capability", nil, "`version` of the host's GPUs, e.g. 8.0; several as 8.0,9.0")
	f.StringSliceVar(&o.names, "gpu-name", nil, "`name` of the host's GPUs, e.g. 'Tesla T4' or 'NVIDIA GeForce RTX 4090', in the same order")
	f.BoolVar(&o.cdi, "cdi", false, "the engine gives GPUs to containers by CDI, which does not enforce NVIDIA_REQUIRE_*")
	f.StringVarP(&o.input, "input", "i", "", "read an `archive` instead, as docker save writes it, or an OCI layout in a tar; - for stdin")
	suffixes(f, "input", ".tar")
	o.build.register(f)
	o.rendering.register(f, report.GPUs, "what was found")
	return cmd
}

// host is what the flags say of it.
func (o gpuOptions) host() (gpu.Host, error) {
	h := gpu.Host{Driver: o.driver, CUDA: o.cuda, CDI: o.cdi}
	if len(o.capabilities) > 0 && len(o.names) > 0 && len(o.capabilities) != len(o.names) {
		return h, usage("--gpu-name is there for %d of %d GPUs of --compute-capability: name as many, in the same order", len(o.names), len(o.capabilities))
	}
	for i := range max(len(o.capabilities), len(o.names)) {
		d := gpu.Device{Index: i}
		if i < len(o.names) {
			d.Name = o.names[i]
		}
		if i < len(o.capabilities) {
			c, err := gpu.ParseCapability(o.capabilities[i])
			if err != nil {
				return h, usage("--compute-capability: %w (e.g. --compute-capability 8.0)", err)
			}
			d.Capability = c
		}
		h.Devices = append(h.Devices, d)
	}
	if o.driver.Known() || o.cuda.Known() || len(h.Devices) > 0 {
		h.From = gpu.FromFlags
	}
	return h, nil
}

// show shows this host's GPUs.
func (o gpuOptions) show(ctx context.Context, std streams) error {
	told, err := o.host()
	if err != nil {
		return err
	}
	if told.From == gpu.FromFlags || o.cdi {
		return usage("--driver, --cuda, --compute-capability, --gpu-name and --cdi tell of a host to judge an image on: name the image, or leave them out to see what this host has")
	}
	to, err := o.rendering.open()
	if err != nil {
		return err
	}
	host, err := hostGPUs(ctx, newProgress(std.notes()).Note)
	if err != nil {
		return runner.As(runner.ErrEnvironment, err)
	}
	if err := to.tell(std, gpu.HostReport(host)); err != nil {
		return err
	}
	if slices.ContainsFunc(host.Devices, func(d gpu.Device) bool { return !d.Lost && d.UUID != "" }) {
		return nil
	}
	why := "see lspci for what is built in; in a container, start it with --gpus all"
	for _, d := range host.Devices {
		if len(d.Problems) > 0 {
			why = d.Problems[0]
			break
		}
	}
	return runner.As(runner.ErrEnvironment, fmt.Errorf("NVIDIA's driver answers, and has no GPU that can be used: %s", why))
}

// judged is the host that an image is judged on: that of the flags, else this
// one. Of one without a driver nothing is known; why another cannot be asked is
// told.
func (o gpuOptions) judged(ctx context.Context, std streams) (gpu.Host, error) {
	h, err := o.host()
	if err != nil || h.From == gpu.FromFlags {
		return h, err
	}
	asked, err := hostGPUs(ctx, newProgress(std.notes()).Note)
	var trouble *gpu.TroubleError
	if errors.As(err, &trouble) {
		if !errors.Is(err, gpu.ErrNoDriver) {
			h.Warning = err.Error()
		}
		return h, nil
	}
	asked.CDI = o.cdi
	return asked, err
}

func (o gpuOptions) run(ctx context.Context, std streams, ref string) error {
	host, err := o.judged(ctx, std)
	if err != nil {
		return err
	}
	to, err := o.rendering.open()
	if err != nil {
		return err
	}
	code := &image.GPUCode{}
	x, err := o.read(ctx, std, ref, image.Options{Look: code.Look})
	if err != nil {
		return err
	}
	r := gpu.NewReport(x.Ref, x.Config.ID, x.GPUNeeds(code), host)
	r.Warnings = append(r.Warnings, x.Warnings...)
	if err := to.tell(std, r); err != nil {
		return err
	}
	switch r.Verdict {
	case gpu.Fail:
		return exitError{code: exitGate}
	case gpu.Unknown:
		if flags := missing(r); len(flags) > 0 {
			return exitError{exitInconclusive, fmt.Errorf("to know more, say of the host: %s", strings.Join(flags, ", "))}
		}
		return exitError{code: exitInconclusive}
	}
	return nil
}

// read reads the image from the archive of --input, else from the engine.
func (o gpuOptions) read(ctx context.Context, std streams, ref string, opts image.Options) (*image.Index, error) {
	if o.input != "" {
		return readArchive(ctx, std, o.input, ref, opts)
	}
	indexes, err := o.build.indexes(ctx, std, []string{ref}, opts)
	if err != nil {
		return nil, err
	}
	return indexes[0], nil
}

// missing are the flags that would give what is missing.
func missing(r *gpu.Report) []string {
	var flags []string
	if !r.Host.Driver.Known() {
		flags = append(flags, "--driver (its version, as nvidia-smi has it)")
	}
	devices := r.Host.Devices
	if len(devices) == 0 {
		devices = []gpu.Device{{}}
	}
	if !devices[0].Capability.Known() {
		flags = append(flags, "--compute-capability (of its GPUs)")
	}
	if devices[0].Name == "" && (len(r.Needs.Compat) > 0 || len(r.Needs.Requirements) > 0) {
		flags = append(flags, "--gpu-name")
	}
	return flags
}
