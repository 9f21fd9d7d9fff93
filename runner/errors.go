package runner

import "errors"

// What kind of failure an error of this package and of Runners is. The
// command line turns them into exit codes and adds hints.
var (
	// ErrUsage means that the user has to say more or something else.
	ErrUsage = errors.New("usage")
	// ErrEnvironment means no engine, no such image, no permission, disk full.
	ErrEnvironment = errors.New("environment")
	// ErrNotPermitted means that the host does not allow what was asked for, such as
	// a cold level; the message names the remedy.
	ErrNotPermitted = errors.New("not permitted")
	// ErrStep means that a build ran and a step of it failed, and not the engine.
	ErrStep = errors.New("step failed")
)

// A BaseError is a build's error of an image that it begins with: the engine does
// not have it, and cannot get it.
type BaseError struct {
	From  string // the image, as the builder calls it: as FROM does, or in full
	Build Build
	Err   error
}

func (e *BaseError) Error() string { return e.Err.Error() }
func (e *BaseError) Unwrap() error { return e.Err }

// A kindError is an error of a kind that its message does not spell out.
type kindError struct {
	kind error
	err  error
}

func (e kindError) Error() string   { return e.err.Error() }
func (e kindError) Unwrap() []error { return []error{e.kind, e.err} }

// As returns err, which then also is kind for errors.Is; its message stays
// as it is. A nil err stays nil.
func As(kind, err error) error {
	if err == nil {
		return nil
	}
	return kindError{kind, err}
}
