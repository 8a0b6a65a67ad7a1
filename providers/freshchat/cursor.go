package freshchat

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/providers"
)

// cursor says where a walk along reports stands: in which segment of the window, how often a report failed and was
// ordered again, the ids of the reports ordered so far (empty where one has to be ordered again), and, when all of them
// are there, how many of their entries were listed. As text: r<segment>.<again>.<position>.<id>,<id>...
type cursor struct {
	segment, again, position int
	ids                      []string
}

// maxCursor keeps a cursor short enough for the history it stands in.
const maxCursor = 1900

func (c cursor) text() providers.Cursor {
	packed := make([]string, len(c.ids))
	for i, id := range c.ids {
		packed[i] = pack(id)
	}
	return providers.Cursor("r" + strconv.Itoa(c.segment) + "." + strconv.Itoa(c.again) + "." + strconv.Itoa(c.position) + "." + strings.Join(packed, ","))
}

// Retry forgets the reports that failed, so that as many are ordered again as in the beginning.
func (a *account) Retry(at providers.Cursor) providers.Cursor {
	c, err := parseCursor(at)
	if err != nil || at == "" {
		return at
	}
	c.again = 0
	return c.text()
}

// parseCursor reads a cursor; only texts that were given out are taken.
func parseCursor(at providers.Cursor) (cursor, error) {
	if at == "" {
		return cursor{}, nil
	}
	parts := strings.Split(string(at), ".")
	const parted = 4
	if len(parts) != parted || !strings.HasPrefix(parts[0], "r") {
		return cursor{}, providers.ErrCursor
	}
	var c cursor
	var errs [3]error
	c.segment, errs[0] = strconv.Atoi(parts[0][1:])
	c.again, errs[1] = strconv.Atoi(parts[1])
	c.position, errs[2] = strconv.Atoi(parts[2])
	if errors.Join(errs[:]...) != nil || c.segment < 0 || c.again < 0 || c.position < 0 {
		return cursor{}, providers.ErrCursor
	}
	if parts[3] != "" {
		for packed := range strings.SplitSeq(parts[3], ",") {
			id, ok := unpack(packed)
			if !ok {
				return cursor{}, providers.ErrCursor
			}
			c.ids = append(c.ids, id)
		}
	}
	if c.text() != at {
		return cursor{}, providers.ErrCursor
	}
	return c, nil
}

// hole is the first of n reports that has to be ordered; n where none has.
func (c cursor) hole(n int) int {
	for i, id := range c.ids {
		if id == "" {
			return i
		}
	}
	return min(n, len(c.ids))
}

// with is the cursor with one more report ordered, or one to be ordered again.
func (c cursor) with(i int, id string) cursor {
	ids := make([]string, max(len(c.ids), i+1))
	copy(ids, c.ids)
	ids[i] = id
	c.ids = ids
	return c
}

// The marks of an id that is no UUID and of one that is missing. Neither is in base64's alphabet.
const (
	plainMark = "~"
	holeMark  = "!"
)

var compact = base64.RawURLEncoding.Strict()

// pack writes a UUID in 22 characters, and any other id a third longer than it is.
func pack(id string) string {
	if id == "" {
		return holeMark
	}
	if raw, ok := parseUUID(id); ok {
		return compact.EncodeToString(raw)
	}
	return plainMark + compact.EncodeToString([]byte(id))
}

func unpack(s string) (string, bool) {
	if s == holeMark {
		return "", true
	}
	if plain, ok := strings.CutPrefix(s, plainMark); ok {
		raw, err := compact.DecodeString(plain)
		_, isUUID := parseUUID(string(raw))
		return string(raw), err == nil && len(raw) > 0 && !isUUID
	}
	raw, err := compact.DecodeString(s)
	if err != nil || len(raw) != 16 {
		return "", false
	}
	h := hex.EncodeToString(raw)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], true
}

// parseUUID reads a UUID as the platform writes it, in lower case.
func parseUUID(id string) ([]byte, bool) {
	const long = 36
	if len(id) != long || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return nil, false
	}
	plain := id[:8] + id[9:13] + id[14:18] + id[19:23] + id[24:]
	if strings.ToLower(plain) != plain {
		return nil, false
	}
	raw, err := hex.DecodeString(plain)
	return raw, err == nil
}
