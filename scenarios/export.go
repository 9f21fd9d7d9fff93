package scenarios

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Export writes the scenario to dir: a folder for each variant, README.md, which
// says what is to be seen, and mlbench.yaml, with which mlbench compare measures
// it. dir is made if it is not there, and must be empty if it is: nothing is ever
// overwritten; the error is fs.ErrExist then.
func (s Scenario) Export(dir string) error {
	switch entries, err := os.ReadDir(dir); {
	case err == nil && len(entries) > 0:
		return fmt.Errorf("export scenario %s: %s is not empty (%s is in it): %w",
			s.Name, dir, entries[0].Name(), fs.ErrExist)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("export scenario %s: %w", s.Name, err)
	}
	all, err := fs.Sub(files, s.Name)
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, all); err != nil {
		return fmt.Errorf("export scenario %s: %w", s.Name, err)
	}
	for _, v := range s.Variants {
		if err := writeClutter(filepath.Join(dir, v.Name), s.Clutter); err != nil {
			return fmt.Errorf("export scenario %s: %w", s.Name, err)
		}
	}
	text, err := s.Suite()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "mlbench.yaml"), text, 0o666) //nolint:gosec // as the other files
	}
	if err != nil {
		return fmt.Errorf("export scenario %s: %w", s.Name, err)
	}
	return nil
}
