package installed

import "encoding/binary"

const sqliteMagic = "SQLite format 3\x00"

// Types of a table's pages (sqlite.org/fileformat2.html).
const (
	sqliteInterior = 5
	sqliteLeaf     = 13
)

// sqliteBlobs are the last column of each row of a table, in order. Every page
// is read once, so that a database of loops ends.
func sqliteBlobs(db []byte, table string) ([][]byte, error) {
	if len(db) < 512 {
		return nil, errRpm
	}
	s := sqlite{db: db, size: int64(binary.BigEndian.Uint16(db[16:])), seen: make(map[int64]bool)}
	if s.size == 1 {
		s.size = 1 << 16
	}
	s.usable = s.size - int64(db[20])
	if s.size < 512 || s.usable < 480 {
		return nil, errRpm
	}
	root := int64(0)
	err := s.rows(1, 0, func(columns [][]byte) {
		if len(columns) >= 4 && string(columns[0]) == "table" && string(columns[1]) == table {
			for _, b := range columns[3] {
				root = root<<8 | int64(b)
			}
		}
	})
	if err != nil || root <= 1 {
		return nil, errRpm
	}
	var blobs [][]byte
	err = s.rows(root, 0, func(columns [][]byte) {
		if len(columns) > 0 {
			blobs = append(blobs, columns[len(columns)-1])
		}
	})
	return blobs, err
}

type sqlite struct {
	db           []byte
	size, usable int64 // of a page; of that without what is reserved
	seen         map[int64]bool
}

// page is one of the file, and only once.
func (s sqlite) page(n int64) ([]byte, bool) {
	if n < 1 || n > int64(len(s.db))/s.size || s.seen[n] {
		return nil, false
	}
	s.seen[n] = true
	return s.db[(n-1)*s.size : n*s.size], true
}

// rows calls f with each row of the tree under a page.
func (s sqlite) rows(n int64, depth int, f func(columns [][]byte)) error {
	page, ok := s.page(n)
	if !ok || depth > 20 {
		return pageError(n)
	}
	head := int64(0)
	if n == 1 {
		head = 100 // the file's header comes before
	}
	kind, cells := page[head], int64(binary.BigEndian.Uint16(page[head+3:]))
	first := head + 8
	if kind == sqliteInterior {
		first = head + 12
	} else if kind != sqliteLeaf {
		return pageError(n)
	}
	if first+2*cells > s.usable {
		return pageError(n)
	}
	used := int64(0)
	for i := range cells {
		at := int64(binary.BigEndian.Uint16(page[first+2*i:]))
		if at+4 > s.usable {
			return pageError(n)
		}
		if kind == sqliteInterior {
			if err := s.rows(int64(binary.BigEndian.Uint32(page[at:])), depth+1, f); err != nil {
				return err
			}
			continue
		}
		payload, local, ok := s.payload(page[at:s.usable])
		if used += local; !ok || used > s.usable {
			return pageError(n) // or cells share bytes
		}
		columns, ok := record(payload)
		if !ok {
			return pageError(n)
		}
		f(columns)
	}
	if kind == sqliteInterior {
		return s.rows(int64(binary.BigEndian.Uint32(page[head+8:])), depth+1, f)
	}
	return nil
}

// payload is what a leaf's cell holds, with what is on overflow pages, and how
// many bytes of it are local.
func (s sqlite) payload(cell []byte) (payload []byte, local int64, ok bool) {
	size, cell, ok := varint(cell)
	if !ok || size > int64(len(s.db)) {
		return nil, 0, false
	}
	if _, cell, ok = varint(cell); !ok { // the row's number
		return nil, 0, false
	}
	local = size
	most := s.usable - 35
	if size > most {
		least := (s.usable-12)*32/255 - 23
		if local = least + (size-least)%(s.usable-4); local > most {
			local = least
		}
	}
	if local > int64(len(cell)) {
		return nil, 0, false
	}
	if local == size {
		return cell[:local], local, true
	}
	if local+4 > int64(len(cell)) {
		return nil, 0, false
	}
	payload = append(payload, cell[:local]...)
	for next := int64(binary.BigEndian.Uint32(cell[local:])); int64(len(payload)) < size; {
		page, ok := s.page(next)
		if !ok {
			return nil, 0, false
		}
		next = int64(binary.BigEndian.Uint32(page))
		payload = append(payload, page[4:min(s.usable, 4+size-int64(len(payload)))]...)
	}
	return payload, local, true
}

// record is a row's columns as bytes: integers as they are stored.
func record(b []byte) ([][]byte, bool) {
	size, types, ok := varint(b)
	if !ok || size > int64(len(b)) || size < int64(len(b)-len(types)) {
		return nil, false
	}
	types, data := types[:size-int64(len(b)-len(types))], b[size:]
	var columns [][]byte
	for len(types) > 0 {
		var kind int64
		if kind, types, ok = varint(types); !ok {
			return nil, false
		}
		length := int64(0)
		switch {
		case kind >= 12:
			length = (kind - 12) / 2
		case kind >= 1 && kind <= 4:
			length = kind
		case kind == 5:
			length = 6
		case kind == 6 || kind == 7:
			length = 8
		}
		if length > int64(len(data)) {
			return nil, false
		}
		if len(columns) == maxColumns {
			return nil, false
		}
		columns = append(columns, data[:length])
		data = data[length:]
	}
	return columns, true
}

// maxColumns is how many a row may have: rpm's tables have two, SQLite's own five.
const maxColumns = 32

// varint reads SQLite's numbers: seven bits a byte, the first ones first. None
// that makes sense here is negative.
func varint(b []byte) (v int64, rest []byte, ok bool) {
	for i := range min(len(b), 8) {
		v = v<<7 | int64(b[i]&0x7f)
		if b[i] < 0x80 {
			return v, b[i+1:], true
		}
	}
	return 0, nil, false
}
