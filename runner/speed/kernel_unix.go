//go:build unix

package speed

import (
	"os"

	"golang.org/x/sys/unix"
)

// touchFresh has the kernel hand out so many bytes of memory, page by page.
func touchFresh(size int) {
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return
	}
	for i := 0; i < size; i += os.Getpagesize() {
		memory[i] = 1
	}
	_ = unix.Munmap(memory)
}

// openFiles opens and closes the root folder so many times.
func openFiles(times int) {
	for range times {
		if fd, err := unix.Open("/", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
			_ = unix.Close(fd)
		}
	}
}
