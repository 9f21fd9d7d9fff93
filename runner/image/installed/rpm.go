package installed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

var errRpm = errors.New("no database of rpm that can be read")

// Rpm reads rpm's database, as one file in any of the three formats that it has
// had: a hash of Berkeley DB (Packages), its own (Packages.db) or SQLite
// (rpmdb.sqlite). With an error come the packages up to where it makes no sense.
//
// The readers are our own and read a table from its first row to its last, no
// more. A whole SQLite (modernc.org) adds 4.5 MB to the program, and wants files.
func Rpm(db []byte) ([]Package, error) {
	var blobs [][]byte
	var err error
	switch {
	case bytes.HasPrefix(db, []byte(sqliteMagic)):
		blobs, err = sqliteBlobs(db, "Packages")
	case bytes.HasPrefix(db, []byte("RpmP")):
		blobs, err = ndbBlobs(db)
	default:
		blobs, err = bdbBlobs(db)
	}
	var all []Package
	left := newRoom(len(db))
	for _, blob := range blobs[:min(len(blobs), maxPackages)] {
		if p, ok := rpmHeader(blob, left); ok {
			all = append(all, p)
		}
	}
	if err == nil && len(blobs) > 0 && len(all) == 0 {
		err = errRpm
	}
	return all, err
}

// Tags of rpm's headers that are of use here, and types of their values
// (rpm/include/rpm/rpmtag.h).
const (
	rpmName        = 1000
	rpmVersion     = 1001
	rpmRelease     = 1002
	rpmEpoch       = 1003
	rpmArch        = 1022
	rpmOldNames    = 1027
	rpmProvides    = 1047
	rpmRequires    = 1049
	rpmDirIndexes  = 1116
	rpmBaseNames   = 1117
	rpmDirNames    = 1118
	rpmInt32       = 4
	rpmString      = 6
	rpmStringArray = 8
	rpmI18NString  = 9
)

// rpmHeader reads a package's header: counts of entries and of bytes of data,
// the entries (tag, type, offset, count), the data; all big endian.
func rpmHeader(b []byte, left *room) (Package, bool) {
	if len(b) < 8 {
		return Package{}, false
	}
	n, size := int64(binary.BigEndian.Uint32(b)), int64(binary.BigEndian.Uint32(b[4:]))
	if 8+16*n+size > int64(len(b)) {
		return Package{}, false
	}
	entries, data := b[8:8+16*n], b[8+16*n:8+16*n+size]
	h := rpmValues{strings: make(map[uint32][]string), ints: make(map[uint32][]uint32)}
	for ; len(entries) > 0; entries = entries[16:] {
		h.read(binary.BigEndian.Uint32(entries), binary.BigEndian.Uint32(entries[4:]),
			int64(binary.BigEndian.Uint32(entries[8:])), int64(binary.BigEndian.Uint32(entries[12:])), data, left)
	}
	p := Package{Name: h.first(rpmName), Arch: h.first(rpmArch), Provides: h.strings[rpmProvides]}
	if !p.named() {
		return p, false
	}
	p.Version = h.first(rpmVersion)
	if r := h.first(rpmRelease); r != "" {
		p.Version += "-" + r
	}
	if e := h.ints[rpmEpoch]; len(e) > 0 && e[0] > 0 {
		p.Version = fmt.Sprintf("%d:%s", e[0], p.Version)
	}
	for _, need := range h.strings[rpmRequires] {
		p.Needs = append(p.Needs, []string{need})
	}
	p.Files = h.strings[rpmOldNames]
	dirs, names, indexes := h.strings[rpmDirNames], h.strings[rpmBaseNames], h.ints[rpmDirIndexes]
	for i, name := range names {
		if i < len(indexes) && int64(indexes[i]) < int64(len(dirs)) {
			if path, ok := left.path(dirs[indexes[i]], name); ok {
				p.Files = append(p.Files, path)
			}
		}
	}
	return p, true
}

// rpmValues are a header's values by tag, the first of each: a header of which
// two tags say different things is believed once, which bounds what it takes.
type rpmValues struct {
	strings map[uint32][]string
	ints    map[uint32][]uint32
}

func (h rpmValues) first(tag uint32) string {
	if s := h.strings[tag]; len(s) > 0 {
		return s[0]
	}
	return ""
}

func (h rpmValues) read(tag, kind uint32, offset, count int64, data []byte, left *room) {
	if offset > int64(len(data)) || count > int64(len(data))-offset {
		return
	}
	data = data[offset:]
	switch tag {
	case rpmEpoch, rpmDirIndexes:
		if kind != rpmInt32 || h.ints[tag] != nil {
			return
		}
		h.ints[tag] = []uint32{}
		for ; count > 0 && len(data) >= 4 && left.value(); count-- {
			h.ints[tag] = append(h.ints[tag], binary.BigEndian.Uint32(data))
			data = data[4:]
		}
	case rpmName, rpmVersion, rpmRelease, rpmArch, rpmOldNames, rpmProvides, rpmRequires, rpmBaseNames, rpmDirNames:
		if kind != rpmString && kind != rpmStringArray && kind != rpmI18NString || h.strings[tag] != nil {
			return
		}
		h.strings[tag] = []string{}
		for ; count > 0; count-- {
			s, rest, ok := bytes.Cut(data, []byte{0})
			if !ok || !left.value() {
				return
			}
			h.strings[tag] = append(h.strings[tag], string(s))
			data = rest
		}
	}
}

// ndbBlobs are the headers of rpm's own format: slots of 16 bytes from byte 32
// on, which say in which block of 16 bytes a header begins
// (rpm/lib/backend/ndb/rpmpkg.c); little endian.
func ndbBlobs(db []byte) ([][]byte, error) {
	if len(db) < 32 {
		return nil, errRpm
	}
	end := min(int64(binary.LittleEndian.Uint32(db[12:]))*4096, int64(len(db)))
	var blobs [][]byte
	var total int64
	for slot := int64(32); slot+16 <= end; slot += 16 {
		if string(db[slot:slot+4]) != "Slot" {
			return blobs, errRpm
		}
		if binary.LittleEndian.Uint32(db[slot+4:]) == 0 {
			continue // free
		}
		at := int64(binary.LittleEndian.Uint32(db[slot+8:])) * 16
		if at+16 > int64(len(db)) || string(db[at:at+4]) != "BlbS" {
			return blobs, errRpm
		}
		size := int64(binary.LittleEndian.Uint32(db[at+12:]))
		// Blobs may not share bytes: together they are no longer than the file.
		if total += size; at+16+size > int64(len(db)) || total > int64(len(db)) {
			return blobs, errRpm
		}
		blobs = append(blobs, db[at+16:at+16+size])
	}
	return blobs, nil
}

// pageError says where a database makes no sense.
func pageError(page int64) error { return fmt.Errorf("%w: at its page %d", errRpm, page) }
