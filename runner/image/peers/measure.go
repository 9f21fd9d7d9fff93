package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// The ways, and what they are called on the page.
const (
	folders = "folders"
	saved   = "saved"
	drain   = "drain"
	dive    = "dive"
)

// A sample is one measurement of each way in one round, by way.
type sample map[string]measured

type measured struct {
	took   time.Duration
	cpu    time.Duration // of the process alone
	memory int64         // the most that was resident, in bytes
	found
}

// measure has every way take its turn, in every round.
func (r *report) measure(ctx context.Context, errs io.Writer, rounds int, diveProgram string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "peers-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	for round := range rounds {
		s := make(sample)
		for _, i := range rand.Perm(len(r.ways)) {
			way := r.ways[i]
			args := []string{self, "-do", way, "-image", r.ref}
			said := filepath.Join(scratch, "said.json")
			if way == dive {
				args = []string{diveProgram, r.ref, "--json", said}
			}
			m, err := timed(ctx, args)
			if err != nil {
				return err
			}
			if way == dive {
				err = m.diveFound(said)
			}
			if err != nil {
				return err
			}
			s[way] = m
			fmt.Fprintf(errs, "round %d of %d: %-7s %8.2f s, %4d MB\n", round+1, rounds, way, m.took.Seconds(), m.memory/1e6)
		}
		r.samples = append(r.samples, s)
	}
	return r.agree()
}

// timed runs a program to its end.
func timed(ctx context.Context, args []string) (m measured, err error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	begin := time.Now()
	err = cmd.Run()
	m.took = time.Since(begin)
	if err != nil {
		return m, fmt.Errorf("%q: %w: %s", args, err, bytes.TrimSpace(errs.Bytes()))
	}
	m.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		m.memory = usage.Maxrss << 10
	}
	_ = json.Unmarshal(out.Bytes(), &m.found) // dive says other things
	return m, nil
}

// diveFound reads what dive has written down.
func (m *measured) diveFound(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("dive wrote nothing down: %w", err)
	}
	var said struct {
		Layer []struct{ SizeBytes int64 }
	}
	if err := json.Unmarshal(b, &said); err != nil {
		return fmt.Errorf("what dive wrote down: %w", err)
	}
	for _, l := range said.Layer {
		m.Bytes += l.SizeBytes
	}
	return nil
}

// agree checks that both sources said the same, in every round.
func (r *report) agree() error {
	for _, s := range r.samples {
		if s[folders].found != s[saved].found || s[folders].found != r.samples[0][folders].found {
			return errors.New("the folders and the save stream say different things of the image")
		}
	}
	return nil
}
