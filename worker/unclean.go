package worker

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unclean says what is wrong with a text that an editor or a tool has spoiled, and what to do; it is empty for a good one.
// Such a text looks right on the screen, and whoever is given it blames the secret. lines says that it may have several.
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
			return fmt.Sprintf("holds the control character %U; write the secret anew, without it", r)
		case unicode.Is(unicode.Cf, r), unicode.IsSpace(r) && r != ' ':
			return fmt.Sprintf("holds the invisible character %U; write the secret anew, without it", r)
		}
	}
	return ""
}
