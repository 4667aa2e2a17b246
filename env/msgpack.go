package env

import "encoding/binary"

// This file reads and writes as much of MessagePack as notes of mise have: maps with text
// for keys, lists, text, nothing.

// readMessagePack reads one value and fails for anything else. It makes of a map a
// map[string]any, of a list a []any, of text a string.
func readMessagePack(data []byte) (any, bool) {
	r := packReader{rest: data}
	v := r.value(0)
	return v, !r.failed && len(r.rest) == 0
}

type packReader struct {
	rest   []byte
	failed bool
}

// deepest is how far values may be inside each other.
const deepest = 8

func (r *packReader) value(depth int) any {
	c := r.take(1)
	if r.failed || depth > deepest {
		r.failed = true
		return nil
	}
	switch b := c[0]; {
	case b&0xf0 == 0x80:
		return r.table(int(b&0x0f), depth)
	case b&0xf0 == 0x90:
		return r.list(int(b&0x0f), depth)
	case b&0xe0 == 0xa0:
		return string(r.take(int(b & 0x1f)))
	case b == 0xc0:
		return nil
	case b == 0xd9, b == 0xda, b == 0xdb:
		return string(r.take(r.length(1 << (b - 0xd9))))
	case b == 0xdc, b == 0xdd:
		return r.list(r.length(2<<(b-0xdc)), depth)
	case b == 0xde, b == 0xdf:
		return r.table(r.length(2<<(b-0xde)), depth)
	}
	r.failed = true
	return nil
}

func (r *packReader) take(n int) []byte {
	if r.failed || n > len(r.rest) {
		r.failed = true
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

// length reads a big-endian number of so many bytes.
func (r *packReader) length(size int) int {
	n := 0
	for _, b := range r.take(size) {
		n = n<<8 | int(b)
	}
	return n
}

func (r *packReader) table(n, depth int) map[string]any {
	m := map[string]any{}
	for range n {
		key, isText := r.value(depth + 1).(string)
		if !isText || r.failed {
			r.failed = true
			return nil
		}
		m[key] = r.value(depth + 1)
	}
	return m
}

func (r *packReader) list(n, depth int) []any {
	var list []any
	for range n {
		if r.failed {
			return nil
		}
		list = append(list, r.value(depth+1))
	}
	return list
}

// appendMessagePack appends what readMessagePack reads.
func appendMessagePack(b []byte, value any) ([]byte, bool) {
	ok := true
	add := func(v any) {
		var fine bool
		b, fine = appendMessagePack(b, v)
		ok = ok && fine
	}
	switch v := value.(type) {
	case nil:
		return append(b, 0xc0), true
	case string:
		return append(appendLength(b, 0xdb, len(v)), v...), true
	case []any:
		b = appendLength(b, 0xdd, len(v))
		for _, e := range v {
			add(e)
		}
	case map[string]any:
		b = appendLength(b, 0xdf, len(v))
		for _, k := range sortedKeys(v) {
			add(k)
			add(v[k])
		}
	case map[string]string:
		b = appendLength(b, 0xdf, len(v))
		for _, k := range sortedKeys(v) {
			add(k)
			add(v[k])
		}
	default:
		return b, false
	}
	return b, ok
}

// appendLength appends a marker and a length of four bytes, which every reader takes.
func appendLength(b []byte, marker byte, n int) []byte {
	return binary.BigEndian.AppendUint32(append(b, marker), uint32(n))
}
