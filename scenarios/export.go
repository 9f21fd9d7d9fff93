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
// it. dir is made if it is not there, and must be an empty folder if it is:
// nothing is ever overwritten; the error is fs.ErrExist then. Of an export that
// fails nothing stays.
func (s Scenario) Export(dir string) error {
	if dir == "" {
		return fmt.Errorf("export scenario %s: the folder has no name: %w", s.Name, fs.ErrInvalid)
	}
	missing, err := free(dir)
	if err == nil {
		if err = s.write(dir); err != nil {
			err = errors.Join(err, takeBack(dir, missing))
		}
	}
	if err != nil {
		return fmt.Errorf("export scenario %s: %w", s.Name, err)
	}
	return nil
}

// free makes sure that nothing is in dir. missing is the uppermost of the folders
// that have to be made for it, "" where it is there.
func free(dir string) (missing string, err error) {
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(dir); err == nil {
			return "", fmt.Errorf("%s is a link to nowhere: %w", dir, fs.ErrExist)
		}
		for up := dir; errors.Is(err, fs.ErrNotExist); _, err = os.Lstat(up) {
			missing, up = up, filepath.Dir(up)
		}
		return missing, nil
	case err != nil:
		return "", err
	case !info.IsDir():
		return "", fmt.Errorf("%s is no folder: %w", dir, fs.ErrExist)
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty (%s is in it): %w", dir, entries[0].Name(), fs.ErrExist)
	}
	return "", err
}

func (s Scenario) write(dir string) error {
	all, err := fs.Sub(files, s.Name)
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, all); err != nil {
		return err
	}
	for _, v := range s.Variants {
		if err := writeClutter(filepath.Join(dir, v.Name), s.Clutter); err != nil {
			return err
		}
	}
	text, err := s.Suite()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "mlbench.yaml"), text, 0o666) //nolint:gosec // as the other files
}

// takeBack removes what was written to dir, which was empty before, and the
// folders that were made for it.
func takeBack(dir, missing string) error {
	if missing != "" {
		return os.RemoveAll(missing)
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}
