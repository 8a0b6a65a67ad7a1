package worker_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/page"
	"github.com/chatlake/chatlake/internal/report"
	"github.com/chatlake/chatlake/schemas"
)

// shownPages is how many pages of each view are looked at.
const shownPages = 60

// searchPages follows all links of the page, finds conversations on it, and reports on every account, while the runs are there to be asked.
func (r *aviary) searchPages(t *testing.T) {
	p := page.New(page.Options{Config: r.config, Session: operate.On(r.config, r.temporal).AtWork(), TemporalUI: "http://127.0.0.1:8233"})
	cookie := ""
	send := func(request *http.Request) string {
		request.RemoteAddr, request.Host = "127.0.0.1:50000", "127.0.0.1:8234"
		request.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, request)
		for _, c := range w.Result().Cookies() {
			cookie = c.Name + "=" + c.Value
		}
		if w.Code != http.StatusOK {
			t.Errorf("%s: status %d: %s", request.URL, w.Code, w.Body)
		}
		return w.Body.String()
	}
	seen, views, led := map[string]bool{"/": true}, map[string]int{}, map[string]int{}
	for queue := []string{"/"}; len(queue) > 0; queue = queue[1:] {
		text := send(httptest.NewRequest("GET", queue[0], nil))
		look(t, "the page "+queue[0], []byte(text))
		path, _, _ := strings.Cut(queue[0], "?")
		views[path]++
		for _, link := range linksOf(t, text) {
			to, _, _ := strings.Cut(link, "?")
			if led[to] < shownPages && !seen[link] {
				seen[link] = true
				led[to]++
				queue = append(queue, link)
			}
		}
	}
	for _, path := range []string{"/", "/coverage", "/export", "/shard", "/budget", "/gaps", "/find", "/lake"} {
		if views[path] == 0 {
			t.Errorf("no link leads to %s", path)
		}
	}
	found := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(send(httptest.NewRequest("GET", "/find", nil)))
	if found == nil {
		t.Fatal("the page has no form to find a conversation")
	}
	for _, id := range []string{"1", "4"} {
		request := httptest.NewRequest("POST", "/find", strings.NewReader(url.Values{"token": found[1:], "id": {id}, "conversation": {id}}.Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		look(t, "what is found of "+id, []byte(send(request)))
	}
	for account := range r.config.Accounts {
		l, err := inspect.Open(t.Context(), r.config, account)
		if err != nil {
			t.Fatal(err)
		}
		about, err := l.Report(t.Context(), schemas.Window{}, inspect.VerifyOptions{Deep: true})
		if err != nil {
			t.Fatal(err)
		}
		text, err := report.HTML(about)
		if err != nil || len(about.Windows) == 0 {
			t.Errorf("report on %s: %d windows, error %v", account, len(about.Windows), err)
		}
		look(t, "the report on "+account, text)
	}
	t.Logf("%d pages: %v", len(seen), views)
}

// linksOf are the links of a page to other pages of the same site.
func linksOf(t *testing.T, text string) (links []string) {
	t.Helper()
	tree, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for n := range tree.Descendants() {
		if n.Type != html.ElementNode || n.Data != "a" {
			continue
		}
		for _, a := range n.Attr {
			if a.Key == "href" && strings.HasPrefix(a.Val, "/") {
				links = append(links, a.Val)
			}
		}
	}
	return links
}
