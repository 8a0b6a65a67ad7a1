package giosg

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"sort"
	"strconv"
)

// position is where a page begins, in the form of Django REST framework's cursors: after all rows before a key, and after
// some more rows with that key. A reversed position is where a page ends: before the rows from a key on, and before some
// more rows ahead of them.
type position struct {
	set     bool
	key     int64
	offset  int
	reverse bool
	empty   bool // the empty page at this position has been served
}

func (s *Site) encode(p position) string {
	q := url.Values{"g": {number(s.generation.Load())}}
	if p.set {
		q.Set("p", number(p.key))
	}
	if p.offset > 0 {
		q.Set("o", strconv.Itoa(p.offset))
	}
	if p.empty {
		q.Set("e", "1")
	}
	if p.reverse {
		q.Set("r", "1")
	}
	return base64.StdEncoding.EncodeToString([]byte(q.Encode()))
}

func (s *Site) decode(cursor string) (position, bool) {
	raw, err := base64.StdEncoding.DecodeString(cursor)
	if err != nil {
		return position{}, false
	}
	q, err := url.ParseQuery(string(raw))
	if err != nil || q.Get("g") != number(s.generation.Load()) {
		return position{}, false
	}
	p := position{set: q.Has("p"), empty: q.Has("e"), reverse: q.Has("r")}
	p.key, _ = strconv.ParseInt(q.Get("p"), 10, 64)
	p.offset, _ = strconv.Atoi(q.Get("o"))
	return p, true
}

// paginate answers with one page of n rows. keys descend if falling is set, and ascend otherwise.
func (s *Site) paginate(w http.ResponseWriter, r *http.Request, n, size int, falling bool, key func(int) int64, row func(int) any) {
	var at position
	if cursor := r.FormValue("cursor"); cursor != "" {
		var ok bool
		if at, ok = s.decode(cursor); !ok {
			fail(w, s.options.ExpiredStatus, "Invalid cursor")
			return
		}
	}
	edge := 0
	switch {
	case at.set && !at.reverse:
		edge = sort.Search(n, func(i int) bool { return falling && key(i) < at.key || !falling && key(i) > at.key })
	case at.set:
		edge = sort.Search(n, func(i int) bool { return falling && key(i) <= at.key || !falling && key(i) >= at.key })
	case at.reverse:
		edge = n
	}
	low := min(n, edge+at.offset)
	high := min(n, low+max(1, size-low/size%3)) // pages differ in length
	if at.reverse {
		high = max(0, edge-at.offset)
		low = max(0, high-size)
	}
	rows := []any{}
	if s.options.EmptyPages && low%3 == 1 && !at.empty && !at.reverse {
		at.empty = true
		send(w, fields{"next": s.link(r, s.encode(at)), "previous": s.previous(r, low, n, key), "results": rows})
		return
	}
	for i := low; i < high; i++ {
		rows = append(rows, row(i))
	}
	var next any
	if high < n {
		from, first := at, low
		if at.reverse {
			from, first = position{}, 0
		}
		next = s.link(r, s.encode(after(from, first, high, key)))
	}
	send(w, fields{"next": next, "previous": s.previous(r, low, n, key), "results": rows})
}

// previous is the link to the page that ends before a row; null for the first row.
func (s *Site) previous(r *http.Request, low, n int, key func(int) int64) any {
	if low == 0 || s.options.NoPrevious {
		return nil
	}
	p := position{reverse: true, offset: n - low}
	for i := low; i < n; i++ {
		if key(i) != key(low-1) {
			p.set, p.key, p.offset = true, key(i), i-low
			break
		}
	}
	return s.link(r, s.encode(p))
}

// after is the position after the rows [low, high): the last key that differs from that of the next row.
func after(at position, low, high int, key func(int) int64) position {
	for i := high - 1; i >= low; i-- {
		if key(i) != key(high) {
			return position{set: true, key: key(i), offset: high - 1 - i}
		}
	}
	return position{set: at.set, key: at.key, offset: at.offset + high - low}
}

// link is the address of the next page: absolute, with all parameters of the request.
func (s *Site) link(r *http.Request, cursor string) string {
	host := s.options.NextHost
	if host == "" {
		host = r.Host
	}
	q := r.URL.Query()
	q.Set("cursor", cursor)
	u := url.URL{Scheme: s.options.NextScheme, Host: host, Path: r.URL.Path, RawQuery: q.Encode()}
	return u.String()
}
