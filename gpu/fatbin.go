package gpu

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// GPU code lies in containers ("fatbins") in a library's section .nv_fatbin, and
// in __nv_relfatbin where it is linked again. A container is a header of 16
// bytes (magic, version, its own size, the size of what follows) and entries,
// each a header (kind, size of the header, size of the payload, …, architecture,
// …, flags) and a payload, compressed or not: nothing of that has to be read. As
// fatbinary_section.h of the CUDA toolkit has it, and as its program fatbinary of
// CUDA 12.4 writes it; the flag for architecture-specific code was found by
// comparing what it writes for sm_90 and sm_90a.
const (
	fatMagic      = 0xBA55ED50
	fatHeader     = 16
	entryHeader   = 64 // at least; later toolkits have longer ones
	entryMost     = 4096
	kindPTX       = 1
	kindELF       = 2
	flagSpecific  = 1 << 20
	flagsVariants = 0xfff << 20 // flags above the known ones, of which later toolkits have more
)

// Limits on one library: the largest known, libcublasLt, has some 3,000
// containers with 6,000 entries.
const (
	maxContainers = 1 << 18
	maxEntries    = 1 << 20
	maxArchs      = 256
)

// Found is what GPU code a library has.
type Found struct {
	Archs   []Arch // each once, sorted
	Entries int    // pieces of code
	Unclear string // what was not understood; the rest is what could be read

	containers int
}

// Any reports whether there is GPU code, or what may be some.
func (f Found) Any() bool { return f.Entries > 0 || f.Unclear != "" }

func (f *Found) add(a Arch) {
	f.Entries++
	if !slices.Contains(f.Archs, a) {
		if len(f.Archs) == maxArchs {
			f.surprise("code for more than %d architectures", maxArchs)
			return
		}
		f.Archs = append(f.Archs, a)
	}
}

func (f *Found) surprise(format string, args ...any) {
	if f.Unclear == "" {
		f.Unclear = fmt.Sprintf(format, args...)
	}
}

// another counts containers and what fills up between them, as far as the limit.
func (f *Found) another() bool {
	if f.containers++; f.containers > maxContainers {
		f.surprise("more than %d containers", maxContainers)
		return false
	}
	return true
}

// container checks a container's header, and returns how much follows it.
func container(b []byte) (size uint64, ok bool) {
	if len(b) < fatHeader || binary.LittleEndian.Uint32(b) != fatMagic ||
		binary.LittleEndian.Uint16(b[4:]) != 1 || binary.LittleEndian.Uint16(b[6:]) != fatHeader {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b[8:]), true
}

// entry reads an entry's header, of which there are left bytes with what
// follows, and returns its length with its payload.
func (f *Found) entry(b []byte, left uint64) (length uint64, ok bool) {
	if len(b) < entryHeader || left < entryHeader {
		f.surprise("a container that ends within a header")
		return 0, false
	}
	kind, version := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:])
	header, payload := binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint64(b[8:])
	if header < entryHeader || header > entryMost || uint64(header) > left || payload > left-uint64(header) {
		f.surprise("an entry of %d and %d bytes where %d are left", header, payload, left)
		return 0, false
	}
	length = uint64(header) + payload
	if f.Entries == maxEntries {
		f.surprise("more than %d pieces of code", maxEntries)
		return 0, false
	}
	sm, flags := binary.LittleEndian.Uint32(b[28:]), binary.LittleEndian.Uint64(b[40:])
	switch {
	case version>>8 != 1 || kind != kindPTX && kind != kindELF:
		f.Entries++
		f.surprise("code of kind %d, version %#x", kind, version)
	case sm < 10 || sm > 999:
		f.Entries++
		f.surprise("code for an architecture %d", sm)
	default:
		a := Arch{Capability: Capability{int(sm / 10), int(sm % 10)}, PTX: kind == kindPTX}
		switch flags & flagsVariants {
		case 0:
		case flagSpecific:
			a.Variant = Specific
		default:
			a.Variant = VariantOther
		}
		f.add(a)
	}
	return length, true
}

func (f *Found) sorted() Found {
	slices.SortFunc(f.Archs, Arch.compare)
	return *f
}

// maxSections is how many sections a library may have.
const maxSections = 1 << 14

// ReadLibrary finds the GPU code of a library that can be read at any place: a
// few headers are read, be it of gigabytes. What is no ELF file has none.
func ReadLibrary(r io.ReaderAt) (found Found, err error) {
	file, err := openELF(r)
	if file == nil {
		return Found{}, err
	}
	var f Found
	for _, s := range file.Sections {
		if (s.Name == ".nv_fatbin" || s.Name == "__nv_relfatbin") && s.Type != elf.SHT_NOBITS {
			if err := f.section(r, s.Offset, s.FileSize); err != nil || f.containers > maxContainers {
				return f.sorted(), err
			}
		}
	}
	return f.sorted(), nil
}

// openELF opens an ELF file; nil where it is none, or a damaged one.
func openELF(r io.ReaderAt) (*elf.File, error) {
	head := make([]byte, 64)
	switch n, err := r.ReadAt(head, 0); {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case n < len(head) || !bytes.HasPrefix(head, []byte(elf.ELFMAG)) || elf.Class(head[elf.EI_CLASS]) != elf.ELFCLASS64 || elf.Data(head[elf.EI_DATA]) != elf.ELFDATA2LSB:
		return nil, nil // CUDA has no other platforms
	}
	if binary.LittleEndian.Uint16(head[60:]) > maxSections || binary.LittleEndian.Uint16(head[58:]) > 256 || binary.LittleEndian.Uint16(head[56:]) > 1<<10 {
		return nil, nil
	}
	file, err := elf.NewFile(r)
	if err != nil || len(file.Sections) > maxSections {
		return nil, nil //nolint:nilerr // hostile or cut off: the dynamic linker would not load it either
	}
	return file, nil
}

// section reads a section that is nothing but containers, with zeros between.
func (f *Found) section(r io.ReaderAt, at, size uint64) error {
	const farthest = 1 << 50
	if at > farthest || size > farthest {
		f.surprise("a section beyond any file")
		return nil
	}
	end := at + size
	buffer := make([]byte, entryHeader)
	read := func(at uint64, n uint64) ([]byte, error) {
		b := buffer[:min(n, uint64(len(buffer)))]
		_, err := r.ReadAt(b, int64(at))
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return b, err
	}
	for at+fatHeader <= end {
		b, err := read(at, fatHeader)
		if err != nil {
			return err
		}
		left, ok := container(b)
		switch {
		case b == nil:
			f.surprise("a section that ends after its file")
			return nil
		case !ok && allZero(b[:8]): // padding
			if at += 8; !f.another() {
				return nil
			}
			continue
		case !ok:
			f.surprise("no container at byte %d", at)
			return nil
		case left > end-at-fatHeader:
			f.surprise("a container of %d bytes where %d are left", left, end-at-fatHeader)
			return nil
		}
		if !f.another() {
			return nil
		}
		at += fatHeader
		for left > 0 {
			if b, err = read(at, left); err != nil {
				return err
			}
			length, ok := f.entry(b, left)
			if !ok {
				return nil
			}
			at, left = at+length, left-length
		}
		at = (at + 7) &^ 7
	}
	return nil
}

func allZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// ScanLibrary finds the GPU code of a library that can only be read once, from
// its beginning on: where its sections are is said at its end, so that
// containers are found by their magic, at places that 8 divides.
func ScanLibrary(r io.Reader) (Found, error) {
	var f Found
	b := bufio.NewReaderSize(r, 1<<18)
	head, err := b.Peek(64)
	if err != nil || !bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return f, err
	}
	magic := binary.LittleEndian.AppendUint32(nil, fatMagic)
	magic = append(magic, 1, 0, fatHeader, 0) // and version and size: less happens to look so
	at := uint64(0)
	for {
		if _, err := b.Peek(fatHeader); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return f.sorted(), err
		}
		window, _ := b.Peek(b.Buffered())
		i := aligned(window, magic, at)
		if i < 0 {
			n, _ := b.Discard(len(window) - fatHeader + 1) // it may begin in the rest
			at += uint64(n)
			continue
		}
		if !f.another() {
			return f.sorted(), nil
		}
		left, _ := container(window[i:])
		n, _ := b.Discard(i + fatHeader)
		at += uint64(n)
		for left > 0 {
			header, err := b.Peek(int(min(entryHeader, left)))
			if err != nil && !errors.Is(err, io.EOF) {
				return f.sorted(), err
			}
			length, ok := f.entry(header, left)
			if !ok {
				break // and go on behind it: it may have been no container
			}
			skipped, err := io.CopyN(io.Discard, b, int64(length))
			at, left = at+uint64(skipped), left-length
			if errors.Is(err, io.EOF) {
				f.surprise("a library that ends within its code")
				return f.sorted(), nil
			} else if err != nil {
				return f.sorted(), err
			}
		}
	}
}

// aligned is where in a window of a file, which begins at this place of it, the
// magic of a whole header is at a place that 8 divides; -1 is nowhere.
func aligned(window, magic []byte, at uint64) int {
	for i := 0; ; {
		next := bytes.Index(window[i:], magic)
		if next < 0 || i+next+fatHeader > len(window) {
			return -1
		}
		if i += next; (at+uint64(i))%8 == 0 {
			return i
		}
		i++
	}
}
