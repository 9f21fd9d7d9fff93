package installed

import "encoding/binary"

// Of Berkeley DB's hashes (db/src/dbinc/db_page.h): magic, types of pages and
// of items, the length of a page's header.
const (
	bdbMagic      = 0x00061561
	bdbUnsorted   = 2
	bdbOverflow   = 7
	bdbHash       = 13
	bdbKeyData    = 1
	bdbOffPage    = 3
	bdbPageHeader = 26
)

// bdbBlobs are the values of a hash of Berkeley DB, in the order of its pages.
// Every page is read once: as a page of the hash, or as part of one value.
func bdbBlobs(db []byte) ([][]byte, error) {
	if len(db) < 512 {
		return nil, errRpm
	}
	var order binary.ByteOrder = binary.LittleEndian
	if order.Uint32(db[12:]) != bdbMagic {
		order = binary.BigEndian
	}
	size := int64(order.Uint32(db[20:]))
	if order.Uint32(db[12:]) != bdbMagic || size < 512 || size > 1<<16 {
		return nil, errRpm
	}
	b := bdb{db, order, size, make(map[int64]bool)}
	var blobs [][]byte
	for n := int64(1); n*size+size <= int64(len(db)); n++ {
		page := b.page(n)
		if kind := page[25]; kind != bdbHash && kind != bdbUnsorted {
			continue
		}
		entries := int64(order.Uint16(page[20:]))
		if bdbPageHeader+2*entries > size {
			return blobs, pageError(n)
		}
		for i, end := int64(0), size; i < entries; i++ {
			// Items are put from the page's end on: keys and values by turns.
			begin := int64(order.Uint16(page[bdbPageHeader+2*i:]))
			if begin < bdbPageHeader || begin >= end {
				return blobs, pageError(n)
			}
			item := page[begin:end]
			if end = begin; i%2 == 0 {
				continue
			}
			value, ok := b.value(item)
			if !ok {
				return blobs, pageError(n)
			}
			blobs = append(blobs, value)
		}
	}
	if last := int64(order.Uint32(db[32:])); (last+1)*size > int64(len(db)) {
		return blobs, pageError(last)
	}
	return blobs, nil
}

type bdb struct {
	db    []byte
	order binary.ByteOrder
	size  int64 // of a page
	seen  map[int64]bool
}

// page is one that is there.
func (b bdb) page(n int64) []byte { return b.db[n*b.size : (n+1)*b.size] }

// value is what an item holds, on its page or on others.
func (b bdb) value(item []byte) ([]byte, bool) {
	switch {
	case item[0] == bdbKeyData:
		return item[1:], true
	case item[0] != bdbOffPage || len(item) < 12:
		return nil, item[0] != bdbOffPage // duplicates, which rpm has not
	}
	length := int64(b.order.Uint32(item[8:]))
	if length > int64(len(b.db)) {
		return nil, false
	}
	var value []byte
	for n := int64(b.order.Uint32(item[4:])); n != 0; {
		if (n+1)*b.size > int64(len(b.db)) || b.seen[n] {
			return nil, false
		}
		b.seen[n] = true
		over := b.page(n)
		used := int64(b.order.Uint16(over[22:]))
		if over[25] != bdbOverflow || bdbPageHeader+used > b.size {
			return nil, false
		}
		value = append(value, over[bdbPageHeader:bdbPageHeader+used]...)
		n = int64(b.order.Uint32(over[16:]))
	}
	return value, int64(len(value)) == length
}
