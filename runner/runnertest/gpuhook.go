package runnertest

import (
	"os"
	"path/filepath"
	"testing"
)

// hook stands in for NVIDIA's prestart hook, which an engine finds on its PATH
// when it starts: it makes the devices that $STANDIN_DEVICES names, without a
// driver behind them, in the container's /dev.
const hook = `#!/bin/sh
state=$(cat)
field() { printf %s "$state" | sed -n "s/.*\"$1\": *\"\{0,1\}\([^,\"}]*\).*/\1/p"; }
root=$(sed -n 's/.*"root":{"path":"\([^"]*\)".*/\1/p' "$(field bundle)/config.json")
for device in $STANDIN_DEVICES; do
	nsenter -t "$(field pid)" -m mknod -m 666 "$root/dev/$device" c 195 "$(( minor += 1 ))" || exit 1
done
`

// GPUHook has engines that the test starts from here on take requests for GPUs,
// and give containers these devices, such as nvidia0 and nvidiactl.
func GPUHook(t *testing.T, devices string) {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "nvidia-container-runtime-hook"), []byte(hook), 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("STANDIN_DEVICES", devices)
}
