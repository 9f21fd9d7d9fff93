// Command mlbench measures how fast ML container images start, and why.
//
//	mlbench compare old:tag new:tag
//
// says whether new:tag is ready sooner than old:tag, by how much, and how sure
// that is. See the README for more.
package main

import (
	"context"
	"os"
)

func main() {
	ctx, stop := interruptible(context.Background())
	code := run(ctx, streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}
