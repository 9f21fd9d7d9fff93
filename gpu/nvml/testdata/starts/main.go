// Command starts says what NVIDIA's driver tells, or why it does not: it is there
// to see whether a program with this package starts.
package main

import (
	"context"
	"fmt"

	"mlbench/gpu/nvml"
)

func main() {
	h, err := nvml.Host(context.Background())
	fmt.Println("started:", len(h.Devices), err)
}
