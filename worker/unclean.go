package worker

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unclean describes invisible damage that an editor or a tool has done to a text, and what to do about it. It returns "" for a
// clean text. Such a text looks right on the screen, so people would look for the mistake in the secret. lines allows several
// lines.
func unclean(text string, lines bool) string {
	const save = "; save it as plain UTF-8 without a byte order mark"
	switch {
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"), strings.Contains(text, "\x00"):
		return "is UTF-16 or binary" + save
	case strings.HasPrefix(text, "\ufeff"):
		return "begins with a byte order mark" + save
	case !utf8.ValidString(text):
		return "is not UTF-8" + save
	}
	for _, r := range text {
		switch {
		case lines && (r == '\n' || r == '\r' || r == '\t'):
		case unicode.IsControl(r):
			return fmt.Sprintf("contains the control character %U; write the secret again without it", r)
		case unicode.Is(unicode.Cf, r), unicode.IsSpace(r) && r != ' ':
			return fmt.Sprintf("contains the invisible character %U; write the secret again without it", r)
		}
	}
	return ""
}
