package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// ReadFolders reads an image from the folders of its layers as overlayfs has
// them, from the lowest on. It follows no link in them.
func ReadFolders(ctx context.Context, config Config, folders []string, opts Options) (*Index, error) {
	if len(folders) != len(config.RootFS.DiffIDs) {
		return nil, fmt.Errorf("%w: there are %d, and the image's configuration names %d layers", ErrNoFolders, len(folders), len(config.RootFS.DiffIDs))
	}
	lim := opts.limits()
	layers, err := newLayers(config, lim)
	if err != nil {
		return nil, err
	}
	if err := seesAll(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoFolders, err)
	}
	var files []File
	text := lim.text
	for layer, path := range folders {
		w := newWalk(ctx, lim, layer, lim.entries-len(files), text)
		if err := w.all(path); err != nil {
			return nil, err
		}
		settle(w.files, w.names)
		files, text = append(files, w.files...), w.text
	}
	x := New(config, layers, files, nil)
	return x, visit(ctx, x, folders, opts)
}

// capSysAdmin is CAP_SYS_ADMIN (linux/capability.h).
const capSysAdmin = 21

// seesAll is an error where this process may not see the attributes that make
// folders opaque: to processes without that capability, and to those in a user
// namespace, they seem not to be there (xattr(7)).
func seesAll() error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return err
	}
	if data[0].Effective&(1<<capSysAdmin) == 0 {
		return errors.New("only root sees all of them")
	}
	users, err := os.ReadFile("/proc/self/uid_map")
	if err == nil && strings.Join(strings.Fields(string(users)), " ") != "0 0 4294967295" {
		return errors.New("this process is in a user namespace")
	}
	return nil
}

// kind is what an inode is, with its permissions.
func kind(mode uint32) (Kind, fs.FileMode) {
	m := fs.FileMode(mode & 0o777)
	if mode&unix.S_ISUID != 0 {
		m |= fs.ModeSetuid
	}
	if mode&unix.S_ISGID != 0 {
		m |= fs.ModeSetgid
	}
	if mode&unix.S_ISVTX != 0 {
		m |= fs.ModeSticky
	}
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return Regular, m
	case unix.S_IFDIR:
		return Folder, m
	case unix.S_IFLNK:
		return Symlink, 0o777
	}
	return Special, m
}
