package wire

import "testing"

func TestPlainText(t *testing.T) {
	for markup, want := range map[string]string{
		"plain":                                        "plain",
		"<p>Hello <b>Ada</b></p>":                      "Hello Ada",
		"<p>one</p><p>two</p>":                         "one\ntwo",
		"one<br>two<br/>\nthree":                       "one\ntwo\nthree",
		"a &amp; b &lt;c&gt; d&nbsp;e":                 "a & b <c> d e",
		"<ul><li>x</li><li>y</li></ul>":                "x\ny",
		"<table><tr><td>1</td><td>2</td></tr></table>": "1 2",
		"<style>p{}</style><script>x()</script>seen":   "seen",
		"<head><title>t</title></head><body>b</body>":  "b",
		"2 < 3 and a<b":                                "2 < 3 and a",
		"<!-- no -->yes":                               "yes",
		"<p>unclosed <i>here":                          "unclosed here",
		"<noscript>x</noscript></script>y":             "y",
		"":                                             "",
	} {
		if got := PlainText(markup); got != want {
			t.Errorf("PlainText(%q) = %q, want %q", markup, got, want)
		}
	}
}
