package tests

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/ledger/s3test"
)

// moment is one externally visible action of an export.
type moment struct {
	name string
	// site and lake recognize a request to the provider, or to the store by its method and the key of its object.
	site func(*http.Request) bool
	lake func(method, key string) bool
	// nth is the number of the request among those that match, counted from 1.
	nth int
	// after means after the request was carried out, but before it is answered.
	after bool
	// first is what must have happened before; nil if nothing.
	first *moment
}

// wire is between a process and the outside world, its provider and its store. It sees each request, and disturbs the ones that it
// is set up for.
type wire struct {
	root string // folder of the lake's objects

	mu      sync.Mutex
	traps   []*trap
	site    bool             // cut off
	lake    bool             // cut off
	refused int              // requests refused because of a cut
	asked   map[string]int64 // requests that reached the provider, by path and query
}

// trap waits for a moment and then acts, once.
type trap struct {
	moment
	strike func()
	// drop loses the request, or its answer if the request is carried out first.
	drop bool
	seen int
}

func (w *wire) set(t *trap) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.traps = append(w.traps, t)
}

// cut interrupts the connection to the provider or to the store, or restores it.
func (w *wire) cut(site, lake bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.site, w.lake = site, lake
}

// sprung is the trap that a request triggers.
func (w *wire) sprung(matches func(moment) bool) *trap {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, t := range w.traps {
		if !matches(t.moment) {
			continue
		}
		if t.seen++; t.seen == max(1, t.nth) {
			w.traps = append(w.traps[:i:i], w.traps[i+1:]...)
			return t
		}
	}
	return nil
}

// pass forwards a request, subject to traps and cuts.
func (w *wire) pass(rw http.ResponseWriter, r *http.Request, next http.Handler, isCut *bool, matches func(moment) bool) {
	if w.refuses(isCut) {
		panic(http.ErrAbortHandler)
	}
	t := w.sprung(matches)
	switch {
	case t == nil:
		next.ServeHTTP(rw, r)
	case t.after && t.drop:
		next.ServeHTTP(httptest.NewRecorder(), r)
		t.strike()
		panic(http.ErrAbortHandler)
	case t.after:
		next.ServeHTTP(rw, r)
		t.strike()
	default:
		t.strike()
		if t.drop {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(rw, r)
	}
}

func (w *wire) refuses(isCut *bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if *isCut {
		w.refused++
	}
	return *isCut
}

// provider puts the wire in front of a fake site and returns its address.
func (w *wire) provider(t *testing.T, site http.Handler) string {
	counted := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.count(r)
		site.ServeHTTP(rw, r)
	})
	return serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.pass(rw, r, counted, &w.site, func(m moment) bool { return m.site != nil && m.site(r) })
	}))
}

func (w *wire) count(r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked == nil {
		w.asked = map[string]int64{}
	}
	w.asked[r.RequestURI]++
}

// again is how often conversations were asked for again, by endpoint. How many requests a conversation takes depends on what the
// process knows of the platform: one that has just started may ask for the end of a list that another process took for complete. So
// the request of a conversation that was sent most often counts.
func (w *wire) again() map[string]int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	most := map[string]int64{} // by path
	for uri, times := range w.asked {
		of, _, _ := strings.Cut(uri, "?")
		most[of] = max(most[of], times)
	}
	all := map[string]int64{}
	for of, times := range most {
		if found := ofConversation.FindStringSubmatch(of); found != nil {
			all["conversations/{id}"+found[1]] += times - 1
		}
	}
	return all
}

// forget sets the counts to zero.
func (w *wire) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = nil
}

var ofConversation = regexp.MustCompile(`/conversations/\d+(/\w+)?$`)

// listing is the method of a request for the keys that begin with one.
const listing = "LIST"

// store puts the wire in front of an S3 server. The lake is the server's folder chatlake.
func (w *wire) store(t *testing.T, server s3test.Server) s3test.Server {
	w.root = filepath.Join(server.Dir, "chatlake")
	return s3test.Proxy(t, server, func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		method, key := r.Method, strings.TrimPrefix(r.URL.Path, "/"+server.Bucket+"/chatlake/")
		if r.URL.Query().Has("list-type") {
			method, key = listing, strings.TrimPrefix(r.URL.Query().Get("prefix"), "chatlake/")
		}
		w.pass(rw, r, next, &w.lake, func(m moment) bool { return m.lake != nil && m.lake(method, key) })
	})
}

// folder watches a lake in a folder until t ends: a new file counts as a completed PUT, a vanished one as a completed DELETE.
// It does not see reads.
func (w *wire) folder(t *testing.T, root string) {
	w.root = root
	stop, stopped := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() {
		close(stop)
		<-stopped
	})
	go func() {
		defer close(stopped)
		standing := map[string]bool{}
		for pause := time.Millisecond; ; {
			select {
			case <-stop:
				return
			case <-time.After(pause):
			}
			began, now := time.Now(), map[string]bool{}
			for _, key := range objects(root) {
				now[key] = true
				if !standing[key] {
					w.happened(http.MethodPut, key)
				}
			}
			for key := range standing {
				if !now[key] {
					w.happened(http.MethodDelete, key)
				}
			}
			standing = now
			pause = max(2*time.Millisecond, 4*time.Since(began)) // do not keep the machine busy
		}
	}()
}

func (w *wire) happened(method, key string) {
	if t := w.sprung(func(m moment) bool { return m.lake != nil && m.lake(method, key) }); t != nil {
		t.strike()
	}
}

// objects are the keys in a lake's folder, without files in progress. Files that vanish meanwhile are left out.
func objects(root string) (keys []string) {
	_ = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case entry.IsDir() && entry.Name() == ".tmp":
			return fs.SkipDir
		case !entry.IsDir():
			key, _ := filepath.Rel(root, name)
			keys = append(keys, filepath.ToSlash(key))
		}
		return nil
	})
	return keys
}

// staging are the staged objects in the lake of shards that are in the ledger.
func (w *wire) staging() (left []string) {
	committed := map[string]bool{}
	keys := objects(w.root)
	for _, key := range keys {
		parts := strings.Split(key, "/") // _ledger/v1/provider=/account=/stream=/window/g0001.json
		if parts[0] == "_ledger" && len(parts) == 7 {
			committed[strings.TrimPrefix(parts[3], "account=")+"/"+strings.TrimPrefix(parts[4], "stream=")+"/"+parts[5]] = true
		}
	}
	for _, key := range keys {
		parts := strings.Split(key, "/") // _staging/account/stream/window/g0001/name
		if parts[0] == "_staging" && (len(parts) != 6 || committed[strings.Join(parts[1:4], "/")]) {
			left = append(left, key)
		}
	}
	return left
}
