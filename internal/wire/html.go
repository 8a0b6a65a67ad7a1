package wire

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// inline are the elements that do not begin a new line.
var inline = []atom.Atom{
	atom.A, atom.Abbr, atom.B, atom.Big, atom.Cite, atom.Code, atom.Del, atom.Em, atom.Font, atom.I, atom.Img, atom.Ins, atom.Kbd,
	atom.Label, atom.Mark, atom.Q, atom.S, atom.Samp, atom.Small, atom.Span, atom.Strike, atom.Strong, atom.Sub, atom.Sup, atom.Time,
	atom.Tt, atom.U, atom.Var, atom.Wbr,
}

// hidden are the elements whose text is not displayed.
var hidden = []atom.Atom{atom.Head, atom.Noscript, atom.Script, atom.Style, atom.Template, atom.Title}

// PlainText returns the words of HTML as a reader sees them: without markup, with entities resolved, runs of white space as
// one space, a new line for each block, and no empty lines.
func PlainText(markup string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(markup))
	unseen := 0 // hidden elements that are open
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			return tidy(b.String())
		case html.TextToken:
			if unseen == 0 {
				b.WriteString(strings.NewReplacer("\n", " ", "\r", " ").Replace(string(z.Text())))
			}
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			tag := atom.Lookup(name)
			switch {
			case slices.Contains(hidden, tag) && kind == html.StartTagToken:
				unseen++
			case slices.Contains(hidden, tag) && kind == html.EndTagToken:
				unseen = max(0, unseen-1)
			case tag == atom.Td || tag == atom.Th:
				b.WriteByte(' ')
			case !slices.Contains(inline, tag):
				b.WriteByte('\n')
			}
		}
	}
}

// tidy joins the words of each line with one space and removes empty lines.
func tidy(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if words := strings.Join(strings.Fields(line), " "); words != "" {
			lines = append(lines, words)
		}
	}
	return strings.Join(lines, "\n")
}
