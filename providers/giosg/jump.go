package giosg

import (
	"encoding/base64"
	"net/url"
	"strconv"
	"time"
)

// jumper makes links to any place of a list from a link to its second page. The cursors of Django REST framework are the time of the last
// row before the page (p), and how many rows to skip after it (o), as a query in base64. Seen in rest_framework/pagination.py.
type jumper struct {
	link   *url.URL
	cursor url.Values
	form   func(time.Time) string
}

// forms are how a cursor may write a time. The first two are of servers that page by numbers.
var forms = []struct {
	parse  func(string) bool
	format func(time.Time) string
}{
	{digits(13), func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }},
	{digits(16), func(t time.Time) string { return strconv.FormatInt(t.UnixMicro(), 10) }},
	{layout("2006-01-02 15:04:05.999999-07:00"), func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000-07:00") }},
	{layout(time.RFC3339Nano), func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z07:00") }},
}

func digits(n int) func(string) bool {
	return func(text string) bool {
		_, err := strconv.ParseInt(text, 10, 64)
		return err == nil && len(text) == n
	}
}

func layout(form string) func(string) bool {
	return func(text string) bool {
		_, err := time.Parse(form, text)
		return err == nil
	}
}

// newJumper returns false if the link's cursor is of another kind.
func newJumper(link string) (jumper, bool) {
	u, err := url.Parse(link)
	if err != nil || link == "" {
		return jumper{}, false
	}
	raw, err := base64.StdEncoding.DecodeString(u.Query().Get("cursor"))
	if err != nil {
		return jumper{}, false
	}
	cursor, err := url.ParseQuery(string(raw))
	if err != nil {
		return jumper{}, false
	}
	for _, f := range forms {
		if f.parse(cursor.Get("p")) {
			return jumper{u, cursor, f.format}, true
		}
	}
	return jumper{}, false
}

// to returns the link to the page that begins a number of rows after the first row before a time.
func (j jumper) to(t time.Time, skip int) string {
	cursor := url.Values{}
	for key, values := range j.cursor {
		if key != "o" && key != "r" && key != "e" {
			cursor[key] = values
		}
	}
	cursor.Set("p", j.form(t))
	if skip > 0 {
		cursor.Set("o", strconv.Itoa(skip))
	}
	query := j.link.Query()
	query.Set("cursor", base64.StdEncoding.EncodeToString([]byte(cursor.Encode())))
	return (&url.URL{Path: j.link.Path, RawPath: j.link.RawPath, RawQuery: query.Encode()}).String()
}
