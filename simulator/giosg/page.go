package giosg

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"sort"
	"strconv"
)

// position is where a page begins, as Django REST framework's cursors say it: after all rows before a key, and some more
// of those that follow with the same key.
type position struct {
	set    bool
	key    int64
	offset int
	empty  bool // the page without rows that stands here has been given
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
	p := position{set: q.Has("p"), empty: q.Has("e")}
	p.key, _ = strconv.ParseInt(q.Get("p"), 10, 64)
	p.offset, _ = strconv.Atoi(q.Get("o"))
	return p, true
}

// paginate answers with one page of n rows. keys fall where falling is set, and rise otherwise.
func (s *Site) paginate(w http.ResponseWriter, r *http.Request, n, size int, falling bool, key func(int) int64, row func(int) any) {
	var at position
	if cursor := r.FormValue("cursor"); cursor != "" {
		var ok bool
		if at, ok = s.decode(cursor); !ok {
			fail(w, s.options.ExpiredStatus, "Invalid cursor")
			return
		}
	}
	low := 0
	if at.set {
		low = sort.Search(n, func(i int) bool { return falling && key(i) < at.key || !falling && key(i) > at.key })
	}
	low = min(n, low+at.offset)
	rows := []any{}
	if s.options.EmptyPages && low%3 == 1 && !at.empty {
		at.empty = true
		send(w, fields{"next": s.link(r, s.encode(at)), "previous": nil, "results": rows})
		return
	}
	high := min(n, low+max(1, size-low/size%3)) // pages differ in length
	for i := low; i < high; i++ {
		rows = append(rows, row(i))
	}
	var next any
	if high < n {
		next = s.link(r, s.encode(after(at, low, high, key)))
	}
	send(w, fields{"next": next, "previous": nil, "results": rows})
}

// after is the position behind the rows [low, high): the last key that is not that of the row to come.
func after(at position, low, high int, key func(int) int64) position {
	for i := high - 1; i >= low; i-- {
		if key(i) != key(high) {
			return position{set: true, key: key(i), offset: high - 1 - i}
		}
	}
	return position{set: at.set, key: at.key, offset: at.offset + high - low}
}

// link is the address of the next page: absolute, with all that was asked.
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
