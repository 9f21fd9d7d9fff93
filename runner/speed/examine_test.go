package speed

import (
	"os"
	"path/filepath"
	"testing"

	"mlbench/runner"
)

func TestExamine(t *testing.T) {
	for _, f := range Examine() {
		if f.Subject == "" || f.Found == "" || (f.Remedy == "") != (f.Grade == runner.Good) {
			t.Errorf("%+v", f)
		}
	}
}

// TestHosts examines files as hosts have them.
func TestHosts(t *testing.T) {
	const governorFile = "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
	const clockFile = "sys/devices/system/clocksource/clocksource0/current_clocksource"
	for _, test := range []struct {
		file, text string
		examine    func(root string) (runner.Finding, bool)
		want       runner.Grade // "" for no finding
	}{
		{"proc/loadavg", "0.00 0.01 0.05 1/123 4567\n", examineLoad, runner.Good},
		{"proc/loadavg", "9999.00 0.01 0.05 1/123 4567\n", examineLoad, runner.Poor},
		{"proc/loadavg", "many\n", examineLoad, ""},
		{"none", "", examineLoad, ""},
		{governorFile, "performance\n", examineGovernor, runner.Good},
		{governorFile, "powersave\n", examineGovernor, runner.Poor},
		{"none", "", examineGovernor, ""},
		{clockFile, "kvm-clock\n", examineClock, runner.Good},
		{clockFile, "hpet\n", examineClock, runner.Poor},
		{"none", "", examineClock, ""},
	} {
		root := t.TempDir()
		path := filepath.Join(root, test.file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, ok := test.examine(root)
		if ok != (test.want != "") || f.Grade != test.want || ok && (f.Remedy == "") != (f.Grade == runner.Good) {
			t.Errorf("%s %q: %v, %+v", test.file, test.text, ok, f)
		}
	}
}
