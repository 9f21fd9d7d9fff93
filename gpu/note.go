package gpu

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
)

const (
	noteSection = ".note.cuda.fwd_compatibility"
	noteName    = "NVIDIA Corporation\x00"
	maxNote     = 64 << 10
)

// ReadNote reads what a compatibility library says of where it runs; nil where
// it says nothing that is understood.
func ReadNote(r io.ReaderAt) (*Note, error) {
	file, err := openELF(r)
	if file == nil {
		return nil, err
	}
	for _, s := range file.Sections {
		if s.Name != noteSection || s.Type != elf.SHT_NOTE || s.FileSize > maxNote {
			continue
		}
		b := make([]byte, s.FileSize)
		if _, err := r.ReadAt(b, int64(s.Offset)); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return nil, err
		}
		return note(b), nil
	}
	return nil, nil
}

// note reads an ELF note: the lengths of its name and description, its type,
// then both, each filled up to 4 bytes.
func note(b []byte) *Note {
	const head = 12
	if len(b) < head {
		return nil
	}
	name, description := uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[4:]))
	begin := head + (name+3)&^3
	if begin+description > uint64(len(b)) || string(b[head:min(head+name, uint64(len(b)))]) != noteName {
		return nil
	}
	return noteJSON(b[begin : begin+description])
}

// noteJSON reads the description.
func noteJSON(b []byte) *Note {
	var said struct {
		CUDA   string `json:"CUDA Version"`
		Driver []int
	}
	if json.NewDecoder(bytes.NewReader(b)).Decode(&said) != nil {
		return nil
	}
	n := Note{Branches: said.Driver}
	n.CUDA, _ = ParseCUDA(said.CUDA)
	if !n.CUDA.Known() && len(n.Branches) == 0 || len(n.Branches) > 1000 {
		return nil
	}
	return &n
}

// ScanNote is ReadNote of a library that can only be read once, from its
// beginning on. Notes are among what is loaded first, so that no more than the
// first bytes are read.
func ScanNote(r io.Reader) (*Note, error) {
	const most = 4 << 20
	b, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil || !bytes.HasPrefix(b, []byte(elf.ELFMAG)) {
		return nil, err
	}
	for rest := b; ; {
		i := bytes.Index(rest, []byte(noteName))
		if i < 0 {
			return nil, nil
		}
		if after := bytes.TrimLeft(rest[i+len(noteName):], "\x00"); len(after) > 0 && after[0] == '{' {
			return noteJSON(after[:min(len(after), maxNote)]), nil
		}
		rest = rest[i+len(noteName):]
	}
}
