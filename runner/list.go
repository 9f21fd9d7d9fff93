package runner

import "context"

// A Lister is a Runner that can name what is here to be started. It is an
// optional power.
type Lister interface {
	// List names the images that are here, each as Candidate.Ref takes it, in
	// order. It asks as briefly as it can: a shell waits for it.
	List(ctx context.Context) ([]string, error)
}
