package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// An Archive is what an engine's save call sends, or an OCI image layout in a
// tar: in the layout of engines with graph drivers up to 24 (ID/layer.tar, some
// of them links to others, and manifest.json after them) or in that of the OCI.
// It is read as it comes, so that it is never on the disk. T is what the reader
// made of a layer.
type Archive[T any] struct {
	documents map[string][]byte
	layers    map[string]ArchiveLayer[T]
	links     map[string]string
}

// An ArchiveLayer is a layer of an archive.
type ArchiveLayer[T any] struct {
	DiffID string // digest of its tar; "" where it was not asked for
	Packed int64  // bytes it has in the archive if it is compressed there, else 0
	Made   T
}

// ScanArchive reads an archive to its end. keep is called with the tar of every
// layer, uncompressed, and has to read all of it; its errors are passed on. What
// is wrong with the archive is an ErrMalformed.
func ScanArchive[T any](ctx context.Context, r io.Reader, keep func(tar io.Reader) (T, error)) (*Archive[T], error) {
	s, stop := ahead(ctx, r, defaultLimits)
	defer stop()
	return scan(s, true, keep)
}

// scan reads an archive; verify has the layers' digests computed.
func scan[T any](s *source, verify bool, keep func(tar io.Reader) (T, error)) (*Archive[T], error) {
	a := &Archive[T]{make(map[string][]byte), make(map[string]ArchiveLayer[T]), make(map[string]string)}
	var documents int64
	whole, err := s.uncompressed()
	if err != nil {
		return nil, err
	}
	files := tar.NewReader(whole)
	for n := 0; ; n++ {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return a, nil
		}
		if err != nil {
			return nil, s.malformed(err)
		}
		if err := errors.Join(s.entry(header.Name), s.entry(header.Linkname)); err != nil {
			return nil, err
		}
		if n == s.files {
			return nil, fmt.Errorf("%w: the archive has over %d files beside those in layers, which is the most that are read", ErrMalformed, s.files)
		}
		name := path.Clean(header.Name)
		if documents += int64(len(header.Name) + len(header.Linkname)); documents > s.documents {
			return nil, s.tooWordy()
		}
		switch header.Typeflag {
		case tar.TypeSymlink:
			a.links[name] = path.Join(path.Dir(name), header.Linkname)
			continue
		case tar.TypeLink:
			a.links[name] = path.Clean(header.Linkname)
			continue
		case tar.TypeReg:
		default:
			continue
		}
		content := bufio.NewReaderSize(files, 64<<10)
		plain, compressed, err := s.layer(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if plain != nil {
			l := ArchiveLayer[T]{}
			if compressed {
				l.Packed = header.Size
			}
			if l.DiffID, l.Made, err = read(plain, verify, keep); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			a.layers[name] = l
			continue
		}
		if header.Size > s.document {
			continue // nothing that says what is in the archive
		}
		b, err := io.ReadAll(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, s.malformed(err))
		}
		if documents += int64(len(b)); documents > s.documents {
			return nil, s.tooWordy()
		}
		a.documents[name] = b
	}
}

// read has a layer kept, and its digest computed meanwhile.
func read[T any](plain io.Reader, verify bool, keep func(tar io.Reader) (T, error)) (digest string, made T, err error) {
	if !verify {
		made, err = keep(plain)
		return "", made, err
	}
	sum := newDigest()
	defer sum.stop()
	made, err = keep(io.TeeReader(plain, sum))
	return "sha256:" + sum.hex(), made, err
}

// Magic numbers of compressed files (RFC 1952, RFC 8878).
var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// maxWindow is as far as zstd may look back, in bytes: what its command line
// tool allows at most without being asked.
const maxWindow = 128 << 20

// unpackedOf is what is in a compressed file that begins with head; nil for one
// that is not.
func (s *source) unpackedOf(head []byte, content io.Reader) (io.Reader, error) {
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		z, err := gzip.NewReader(content)
		if err != nil {
			return nil, s.malformed(err)
		}
		return part{z, s, true}, nil
	case bytes.HasPrefix(head, zstdMagic):
		// One that decodes in the goroutine that reads it needs no Close.
		z, err := zstd.NewReader(content, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, s.malformed(err)
		}
		return part{z, s, true}, nil
	}
	return nil, nil
}

// uncompressed is the archive, which may be compressed as a whole.
func (s *source) uncompressed() (io.Reader, error) {
	head, err := s.peek(4)
	if len(head) == 0 && errors.Is(err, io.EOF) {
		err = errors.New("it is empty")
	}
	if len(head) == 0 {
		return nil, s.malformed(err)
	}
	plain, err := s.unpackedOf(head, s)
	if plain == nil && err == nil {
		plain = s
	}
	return plain, err
}

// layer is the tar in a file of an archive; nil for a file that is no layer.
// Names do not tell which are: in the OCI layout, all are digests.
func (s *source) layer(content *bufio.Reader) (plain io.Reader, compressed bool, err error) {
	head, _ := content.Peek(512) // shorter for a short file
	if plain, err = s.unpackedOf(head, content); plain != nil || err != nil {
		return plain, true, err
	}
	if len(head) < 512 {
		return nil, false, nil
	}
	// The header's check sum decides; what may be wrong after it does not.
	if _, err := tar.NewReader(bytes.NewReader(head)).Next(); errors.Is(err, tar.ErrHeader) {
		return nil, false, nil
	}
	return skipping{part{content, s, false}, content}, false, nil
}
