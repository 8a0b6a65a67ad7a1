// Package page serves a page that shows what status, gap list and why print, and that gives the orders that commands give.
//
// It works without JavaScript. It must not know rows, documents or the ledger: inspect and operate answer its questions, so no text of a
// conversation can reach it.
package page

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/worker"
)

// Options say what a page shows.
type Options struct {
	Config worker.Config
	// Session is at work in this process. Nil is none: the page then visits the server that the configuration names, or that of a process
	// that uses the state folder, whenever there is one. It never starts a server.
	Session *operate.Session
	// TemporalUI is the address of Temporal's own UI; empty if it is not known.
	TemporalUI string
	// Logger is told who gave which order. Nil drops it.
	Logger *slog.Logger
}

// longestAnswer is how long reading what a view shows, or giving an order, may take.
const longestAnswer = 25 * time.Second

// Page is the handler of all views.
type Page struct {
	o       Options
	log     *slog.Logger
	mux     *http.ServeMux
	key     []byte // of the tokens of forms, for as long as the process runs
	notices notices
	state   memo[state]
	ledger  memo[*inspect.Contents]
	reader  inspect.Reader
	running memo[running]
	meter   meter
	now     func() time.Time
}

// New returns the handler. It serves paths from the root, and answers only requests that its guard lets in.
func New(o Options) *Page {
	p := &Page{o: o, log: cmp.Or(o.Logger, slog.New(slog.DiscardHandler)), mux: http.NewServeMux(), key: make([]byte, 32), now: time.Now}
	_, _ = rand.Read(p.key) // it never fails
	for _, v := range views {
		p.mux.HandleFunc("GET "+v.path(), func(w http.ResponseWriter, r *http.Request) { p.show(w, r, v) })
		p.mux.HandleFunc("POST "+v.path(), func(w http.ResponseWriter, r *http.Request) { p.post(w, r, v) })
	}
	p.mux.Handle("GET /assets/", serveAssets())
	return p
}

// ServeHTTP answers a request.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if reason := p.wrongHost(r); reason != "" {
		http.Error(w, reason, http.StatusMisdirectedRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), longestAnswer)
	defer cancel()
	p.mux.ServeHTTP(w, r.WithContext(ctx))
}

// request is a request that was let in.
type request struct {
	*http.Request
	user user
	now  time.Time
}

// show answers with a view.
func (p *Page) show(w http.ResponseWriter, r *http.Request, v *view) {
	u, refused := p.userOf(r)
	if refused != "" {
		http.Error(w, refused, http.StatusForbidden)
		return
	}
	p.render(w, &request{r, u, p.now().UTC()}, v, "")
}

// post carries out the order of a form, and then leads back to its view. Forms that only ask, because what they ask for must not be in an
// address, are answered at once.
func (p *Page) post(w http.ResponseWriter, r *http.Request, v *view) {
	u, refused := p.userOf(r)
	if refused != "" {
		http.Error(w, refused, http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form cannot be read. Reload the page and try again.", http.StatusBadRequest)
		return
	}
	if !p.isOurs(r, u) {
		http.Error(w, "This form did not come from this page, or the page has restarted since. Reload it and try again.", http.StatusForbidden)
		return
	}
	q := &request{r, u, p.now().UTC()}
	name := r.PostForm.Get("order")
	if name == "" && v.asks {
		p.render(w, q, v, "")
		return
	}
	order := v.orders[name]
	switch {
	case order == nil:
		http.Error(w, "This page does not know that order.", http.StatusBadRequest)
		return
	case !u.operates:
		http.Error(w, "You may only look: "+u.why+".", http.StatusForbidden)
		return
	}
	done, err := order(r.Context(), p, q)
	said := notice{text: done}
	if err != nil {
		said = notice{text: reasonOf(err), failed: true}
	}
	p.log.Info("order on the page", "view", v.name, "order", name, "of", r.PostForm.Get("of"), "by", u.label(), "done", err == nil)
	p.state.forget()
	p.ledger.forget()
	p.running.forget()
	http.Redirect(w, r, v.address()+p.notices.query(said, back(r)), http.StatusSeeOther)
}
