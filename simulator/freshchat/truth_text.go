package freshchat

import (
	"html"
	"regexp"
	"strings"

	"github.com/chatlake/chatlake/simulator"
)

// read returns what a reader sees of a message, and the markup in it.
func read(m simulator.Message, parts []content) (words, markup *string) {
	var lines, marked []string
	say := func(s string) {
		if tag.MatchString(s) {
			marked = append(marked, s)
			s = visible(s)
		}
		lines = append(lines, s)
	}
	card := 0
	for _, c := range parts {
		switch c.kind {
		case "text", "email":
			say(c.text)
		case "url_button", "callback", "reference":
			say(c.label)
		case "collection":
			say(m.Items[card].Title + "\n" + m.Items[card].Description)
			card++
		case "template_content":
			for _, item := range m.Items {
				say(item.Title)
			}
		case "image", "file", "video", "audio":
		default:
			for i := 0; i+1 < len(c.more); i += 2 {
				if title, ok := c.more[i+1].(string); ok && c.more[i] == "title" && title != "" {
					say(title)
				}
			}
		}
	}
	return text(strings.Join(lines, "\n")), text(strings.Join(marked, "\n"))
}

var (
	tag    = regexp.MustCompile(`<[a-z]+[^<>]*>`)
	unseen = regexp.MustCompile(`(?s)<script>.*?</script>`)
	ends   = regexp.MustCompile(`</?(br|p|blockquote|body|html)[^<>]*>`)
)

// visible is markup as a browser shows it. Typed line breaks count only if the markup has no elements that begin a line.
func visible(s string) string {
	typed := !ends.MatchString(s)
	if !typed {
		s = strings.ReplaceAll(s, "\n", " ")
	}
	s = ends.ReplaceAllString(unseen.ReplaceAllString(s, ""), "\n")
	var lines []string
	for line := range strings.SplitSeq(html.UnescapeString(tag.ReplaceAllString(strings.ReplaceAll(s, "</b>", ""), "")), "\n") {
		if line = strings.Join(strings.Fields(line), " "); line != "" || typed {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
