package gpu

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// closing counts how often a meter is closed, and how often while it is read.
type closing struct {
	meter
	reading         bool
	closed, beneath int
}

func (c *closing) Read() ([]Load, error) {
	c.reading = true
	defer func() { c.reading = false }()
	return c.meter.Read()
}

func (c *closing) Close() error {
	if c.closed++; c.reading {
		c.beneath++
	}
	return errors.New("closed")
}

func TestClose(t *testing.T) {
	for _, s := range []*Sampler{nil, {}} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		c := &closing{}
		c.read = func(time.Duration) ([]Load, error) {
			if c.count.Load() > 2 {
				<-hang
			}
			return []Load{load(1)}, nil
		}
		s := &Sampler{Meter: c, Every: time.Hour}
		if _, err := s.Watch(func(int) bool { return false }).Stop(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := s.Close(); err == nil || c.closed != 1 {
			t.Errorf("closed %d times after a watch, %v", c.closed, err)
		}
		w := s.Watch(func(int) bool { return false })
		time.Sleep(time.Second)
		w.Ready()
		if _, err := w.Stop(); !errors.Is(err, ErrSilent) {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil || c.closed != 1 || c.beneath > 0 {
			t.Errorf("closed %d times, %d beneath a reading that hangs, %v", c.closed, c.beneath, err)
		}
		close(hang)
	})
}
