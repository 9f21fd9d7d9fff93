// Command starts says what NVIDIA's driver tells, or why it does not: it is there
// to see whether a program with this package starts.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"mlbench/gpu/nvml"
)

func main() {
	h, err := nvml.Host(context.Background())
	fmt.Println("started:", len(h.Devices), err)
	if err := json.NewEncoder(os.Stdout).Encode(h); err != nil {
		fmt.Println(err)
	}
}
