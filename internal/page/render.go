package page

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/redact"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// A view is one of the pages. docs/page.md says how one is made.
type view struct {
	name  string // of its template; its path as well, but for now, which is at the root
	title string
	// link is its name in the navigation; empty if it is not there.
	link string
	// model returns what the template gets as .Model.
	model func(context.Context, *Page, *request) (any, error)
	// asks means that a POST without an order shows the view.
	asks   bool
	orders map[string]order
	page   *template.Template
}

// An order is what the button of a form does. It returns what was done, in a sentence. Only operators get that far.
type order func(context.Context, *Page, *request) (done string, err error)

func (v *view) path() string {
	if v.name == "now" {
		return "/{$}"
	}
	return "/" + v.name
}

// address is the path of a view in a link.
func (v *view) address() string { return strings.TrimSuffix(v.path(), "{$}") }

// views are those of the page, in the order of the navigation.
var views = compile(nowView, coverageView, exportView, shardView, budgetView, gapsView, findView, lakeView)

//go:embed templates
var templates embed.FS

func compile(all ...*view) []*view {
	base := template.Must(template.New("base").Funcs(functions).ParseFS(templates, "templates/base.html", "templates/parts.html"))
	for _, v := range all {
		v.page = template.Must(template.Must(base.Clone()).ParseFS(templates, "templates/"+v.name+".html"))
	}
	return all
}

// frame is what the base template gets.
type frame struct {
	View, Title string
	Links       []link
	Lake        string
	Now         time.Time
	User        string
	// Operates is whether the user may give orders, and Why why not.
	Operates   bool
	Why        string
	Token      string // of forms
	Notice     *notice
	TemporalUI string
	Problem    string // why the model could not be read
	Model      any
}

type link struct {
	Name, Address string
	Current       bool
}

// render answers with a view.
func (p *Page) render(w http.ResponseWriter, r *request, v *view, problem string) {
	f := frame{
		View: v.name, Title: v.title, Lake: p.o.Config.Lake.URL, Now: r.now, User: r.user.name, Operates: r.user.operates, Why: r.user.why,
		Token: p.token(w, r), Notice: p.notices.of(r.URL.Query().Get("notice")), TemporalUI: p.o.TemporalUI, Problem: problem,
	}
	for _, other := range views {
		if other.link != "" {
			f.Links = append(f.Links, link{other.link, other.address(), other == v})
		}
	}
	status := http.StatusOK
	if f.Problem == "" {
		var err error
		if f.Model, err = v.model(r.Context(), p, r); err != nil {
			f.Problem, status = reasonOf(err), statusOf(err)
		}
	}
	var text bytes.Buffer
	if err := v.page.ExecuteTemplate(&text, "base", f); err != nil {
		p.log.Error("a view cannot be shown", "view", v.name, "error", err)
		http.Error(w, "This view cannot be shown; the log says why. It is a defect of chatlake.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // whoever does not get it asks again
}

// A wrongRequest is a question or an order that makes no sense as it was given.
type wrongRequest string

func (w wrongRequest) Error() string { return string(w) }

func statusOf(err error) int {
	if _, wrong := err.(wrongRequest); wrong {
		return http.StatusBadRequest
	}
	return http.StatusServiceUnavailable
}

// reasonOf is an error as people are told.
func reasonOf(err error) string {
	text := redact.Mask(strings.Join(strings.Fields(err.Error()), " "))
	if text == "" {
		return "It failed, and nothing says why."
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// back is the query of the view that a form came from, so that it is shown again as it was.
func back(r *http.Request) url.Values {
	query, err := url.ParseQuery(r.PostForm.Get("back"))
	if err != nil {
		return url.Values{}
	}
	query.Del("notice")
	return query
}

// A mark is a state as a word, a symbol and a colour, so that none of them is needed to tell states apart.
type mark struct {
	Word, Symbol string
	Class        string // of the style sheet: ok, run, flag, bad, none or lost
}

// The classes of marks, and their symbols.
func good(word string) mark     { return mark{word, "✓", "ok"} }
func underWay(word string) mark { return mark{word, "◐", "run"} }
func flagged(word string) mark  { return mark{word, "!", "flag"} }
func bad(word string) mark      { return mark{word, "■", "bad"} }
func nothing(word string) mark  { return mark{word, "·", "none"} }
func paused(word string) mark   { return mark{word, "‖", "none"} }
func lost(word string) mark     { return mark{word, "✕", "lost"} }

// functions are those of all templates. Times are in UTC; the script adds the local time.
var functions = template.FuncMap{
	"instant":    words.Instant,
	"clock":      clock,
	"machine":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"count":      func(n any) string { return words.Grouped(whole(n)) },
	"plural":     func(n any, noun string) string { return words.Plural(whole(n), noun) },
	"size":       words.Size,
	"span":       func(w schemas.Window) string { return words.Span(w) },
	"lasts":      words.Duration,
	"percent":    func(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) },
	"hundredths": func(share float64) int { return int(100*share + 0.5) },
	"rate":       rateText,
	"dict":       dict,
	"stamp":      func(t time.Time) string { return t.UTC().Format("15:04:05 UTC") },
	"good":       good, "underWay": underWay, "flagged": flagged, "bad": bad, "nothing": nothing, "paused": paused, "lost": lost,
	"number": func(n *int64) string { return words.Grouped(*n) },
	"inc":    func(n int) int { return n + 1 },
	"icon":   func() string { return icon.address },
	"style":  func() string { return style.address },
	"script": func() string { return script.address },
	"build":  func() string { return worker.Build },
}

func whole(n any) int64 {
	switch n := n.(type) {
	case int:
		return int64(n)
	case int64:
		return n
	}
	return 0
}

// clock leaves out the day if it is the one of now.
func clock(t, now time.Time) string {
	if t.UTC().Truncate(24 * time.Hour).Equal(now.UTC().Truncate(24 * time.Hour)) {
		return t.UTC().Format("15:04:05")
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// rateText is a number of requests a second.
func rateText(perSecond float64) string {
	switch {
	case perSecond < 10:
		return fmt.Sprintf("%.1f", perSecond)
	default:
		return words.Grouped(int64(perSecond + 0.5))
	}
}

// dict puts names and values together, for templates that need several.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: %d values, expected pairs", len(pairs))
	}
	all := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is not a name", pairs[i])
		}
		all[name] = pairs[i+1]
	}
	return all, nil
}
