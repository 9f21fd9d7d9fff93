package runner

import (
	"strings"
	"testing"
)

func TestCPUModel(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"x86", "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 143\nmodel name\t: Intel(R) Xeon(R)  CPU @ 2.70GHz\n", "Intel(R) Xeon(R) CPU @ 2.70GHz"},
		{"arm without a name", "processor\t: 0\nBogoMIPS\t: 243.75\nCPU implementer\t: 0x41\n", ""},
		{"nothing", "", ""},
		{"a line without an end", strings.Repeat("x", 1<<20), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := cpuModel(strings.NewReader(test.in)); got != test.want {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}
