//go:build unix

package process

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"mlbench/gpu"
	"mlbench/runner"
)

// watching is a start's use of the GPUs.
type watching struct {
	*gpu.Watch              // nil where nothing is watched
	group      atomic.Int64 // the start's process group; 0 before there is one
}

// watch begins to watch what a start uses of the GPUs, before the command begins,
// so that nothing of it is in what was used before.
func (r *Runner) watch(c runner.Candidate, mark marker) *watching {
	w := new(watching)
	if c.GPUs == nil {
		return w
	}
	w.Watch = r.GPUs.Watch(func(pid int) bool {
		group := int(w.group.Load())
		return group != 0 && groupOf(pid) == group || marked(pid) == mark.env()
	})
	return w
}

// reached has the memory read when the ready rule holds. A job that has ended
// has none any more, which says nothing of what it needs.
func (w *watching) reached(kind runner.RuleKind) {
	if kind != runner.Exit {
		w.Ready()
	}
}

// The variables by which CUDA is told of the GPUs that it shows to a program:
// CUDA C++ Programming Guide, "CUDA Environment Variables".
const (
	visibleVariable = "CUDA_VISIBLE_DEVICES"
	orderVariable   = "CUDA_DEVICE_ORDER"
)

// environment is this process's, with what shows a candidate its GPUs. UUIDs say
// best which, as CUDA counts the fastest GPU first where it is not told to count
// as nvidia-smi does, by their places on the bus; so wherever there is an index it
// is told to. Of MIG instances a program sees no more than CUDA lets it, however
// many are named.
func environment(r *gpu.Request) []string {
	inherited := os.Environ()
	if r == nil {
		return inherited
	}
	// What is inherited is of other programs: it is taken away where all are to
	// be seen, and would hide GPUs where it says that one is not there.
	env := slices.DeleteFunc(inherited, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == visibleVariable
	})
	var ids []string
	indexed := r.Count > 0
	for i := range r.Count {
		ids = append(ids, strconv.Itoa(i))
	}
	for _, id := range r.IDs {
		if _, name, ok := gpu.CDIName(id); ok {
			id = name
		}
		if id == "all" {
			return env
		}
		_, err := strconv.Atoi(id)
		indexed = indexed || err == nil
		ids = append(ids, id)
	}
	if r.All || len(ids) == 0 {
		return env
	}
	env = append(env, visibleVariable+"="+strings.Join(ids, ","))
	if indexed {
		env = append(env, orderVariable+"=PCI_BUS_ID")
	}
	return env
}
