//go:build unix

package process

import (
	"slices"
	"strings"
	"testing"

	"mlbench/gpu"
	"mlbench/runner"
)

func TestVisibleGPUs(t *testing.T) {
	const a, b = "GPU-3a23c669", "MIG-5e1c2a7b"
	for _, test := range []struct {
		name      string
		gpus      *gpu.Request
		inherited string
		want      []string
	}{
		{"none asked for", nil, "", nil},
		{"none asked for, some inherited", nil, "3", []string{"CUDA_VISIBLE_DEVICES=3"}},
		{"all", &gpu.Request{All: true}, "3", nil},
		{"all, as CDI names them", &gpu.Request{IDs: []string{"nvidia.com/gpu=all"}}, "3", nil},
		{"UUIDs", &gpu.Request{IDs: []string{a, b}}, "3", []string{"CUDA_VISIBLE_DEVICES=" + a + "," + b}},
		{"indexes", &gpu.Request{IDs: []string{"2", "0"}}, "", []string{"CUDA_DEVICE_ORDER=PCI_BUS_ID", "CUDA_VISIBLE_DEVICES=2,0"}},
		{"CDI", &gpu.Request{IDs: []string{"nvidia.com/gpu=1"}}, "", []string{"CUDA_DEVICE_ORDER=PCI_BUS_ID", "CUDA_VISIBLE_DEVICES=1"}},
		{"CDI by UUID", &gpu.Request{IDs: []string{"nvidia.com/gpu=" + a}}, "", []string{"CUDA_VISIBLE_DEVICES=" + a}},
		{"a number", &gpu.Request{Count: 3}, "7", []string{"CUDA_DEVICE_ORDER=PCI_BUS_ID", "CUDA_VISIBLE_DEVICES=0,1,2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("CUDA_DEVICE_ORDER", "")
			t.Setenv("CUDA_VISIBLE_DEVICES", test.inherited)
			if got := cuda(environment(test.gpus)); !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// cuda is what of an environment is CUDA's, and not empty.
func cuda(env []string) (found []string) {
	for _, v := range env {
		if strings.HasPrefix(v, "CUDA_") && !strings.HasSuffix(v, "=") {
			found = append(found, v)
		}
	}
	slices.Sort(found)
	return found
}

// A command sees its GPUs' variable, and the user's own word for it wins.
func TestVisibleGPUsOfCommand(t *testing.T) {
	for _, test := range []struct {
		env  runner.Env
		want string
	}{
		{nil, "CUDA_VISIBLE_DEVICES=GPU-a"}, {runner.Env{"CUDA_VISIBLE_DEVICES=GPU-b"}, "CUDA_VISIBLE_DEVICES=GPU-b"},
	} {
		c := runner.Candidate{Name: "env", Ref: "env | grep CUDA; exit 1", Env: test.env, GPUs: &gpu.Request{IDs: []string{"GPU-a"}}, Ready: runner.Rule{Kind: runner.Exit}}
		s, err := new(Runner).Start(t.Context(), c, runner.DefaultTimeout)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(cuda(s.Log), " "); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}
