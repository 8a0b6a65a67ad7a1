package freshchat

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/providers"
)

// cursor is a position in a walk along reports: the segment of the window, how many reports have failed and were ordered again, the
// ids of the reports ordered so far (empty for a report that must be ordered again) and, once all of them are ready, how many of
// their entries have been listed. As text: r<segment>.<failures>.<position>.<id>,<id>...
type cursor struct {
	segment, failures, position int
	ids                         []string
}

// maxCursor is the longest cursor that is short enough for a Temporal history.
const maxCursor = 1900

func (c cursor) text() providers.Cursor {
	packed := make([]string, len(c.ids))
	for i, id := range c.ids {
		packed[i] = pack(id)
	}
	return providers.Cursor("r" + strconv.Itoa(c.segment) + "." + strconv.Itoa(c.failures) + "." + strconv.Itoa(c.position) + "." + strings.Join(packed, ","))
}

// Retry sets the count of failed reports to zero, so that the same number may fail again.
func (a *account) Retry(at providers.Cursor) providers.Cursor {
	c, err := parseCursor(at)
	if err != nil || at == "" {
		return at
	}
	c.failures = 0
	return c.text()
}

// parseCursor parses a cursor. It accepts only texts that cursor.text returns.
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
	c.failures, errs[1] = strconv.Atoi(parts[1])
	c.position, errs[2] = strconv.Atoi(parts[2])
	if errors.Join(errs[:]...) != nil || c.segment < 0 || c.failures < 0 || c.position < 0 {
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

// missing returns the index of the first of n reports that must be ordered, n if all are.
func (c cursor) missing(n int) int {
	for i, id := range c.ids {
		if id == "" {
			return i
		}
	}
	return min(n, len(c.ids))
}

// withReport returns the cursor after report i was ordered and got an id; with an empty id it must be ordered again.
func (c cursor) withReport(i int, id string) cursor {
	ids := make([]string, max(len(c.ids), i+1))
	copy(ids, c.ids)
	ids[i] = id
	c.ids = ids
	return c
}

// plainMark precedes an id that is not a UUID, and holeMark stands for a missing id. Neither is in the alphabet of base64.
const (
	plainMark = "~"
	holeMark  = "!"
)

var compact = base64.RawURLEncoding.Strict()

// pack encodes a UUID in 22 characters. Any other id becomes a third longer.
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

// parseUUID parses a UUID in lower case, which is how the platform writes it.
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
