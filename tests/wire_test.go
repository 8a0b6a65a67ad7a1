package tests

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/ledger/s3test"
)

// moment is one thing that an export does to the world, as it is seen from outside.
type moment struct {
	name string
	// site and lake recognise a request to the provider, or to the store: its method and the key of its object.
	site func(*http.Request) bool
	lake func(method, key string) bool
	// nth is which of the requests it is, counted from 1.
	nth int
	// after is once the request was carried out, before it is answered.
	after bool
}

// wire stands between a process and the world: its provider and its store. It sees each request, and spoils those that it is
// told to.
type wire struct {
	root string // folder of the lake's objects

	mu      sync.Mutex
	traps   []*trap
	site    bool // cut off
	lake    bool // cut off
	refused int  // requests that the cut lines have met
}

// trap waits for a moment and then strikes, once.
type trap struct {
	moment
	strike func()
	// drop loses the request that was seen, or its answer when it is carried out first.
	drop bool
	seen int
}

func (w *wire) set(t *trap) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.traps = append(w.traps, t)
}

// cut takes the line to the provider or to the store away, or gives it back.
func (w *wire) cut(site, lake bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.site, w.lake = site, lake
}

// sprung is the trap that a request springs.
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

// pass hands a request on as traps and cuts let it.
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

// provider puts the wire before a fake site and returns its address.
func (w *wire) provider(t *testing.T, site http.Handler) string {
	return serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.pass(rw, r, site, &w.site, func(m moment) bool { return m.site != nil && m.site(r) })
	}))
}

// store puts the wire before an S3 server, of which the lake is the folder chatlake.
func (w *wire) store(t *testing.T, server s3test.Server) s3test.Server {
	w.root = filepath.Join(server.Dir, "chatlake")
	return s3test.Proxy(t, server, func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		key := strings.TrimPrefix(r.URL.Path, "/"+server.Bucket+"/chatlake/")
		w.pass(rw, r, next, &w.lake, func(m moment) bool { return m.lake != nil && m.lake(r.Method, key) })
	})
}

// folder watches a lake in a folder until t ends: a file that appears is a PUT, one that vanishes a DELETE, both carried
// out. What is read is not seen.
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
			pause = max(2*time.Millisecond, 4*time.Since(began)) // the machine has other things to do
		}
	}()
}

func (w *wire) happened(method, key string) {
	if t := w.sprung(func(m moment) bool { return m.lake != nil && m.lake(method, key) }); t != nil {
		t.strike()
	}
}

// objects are the keys of a lake's folder, without files in progress. What vanishes meanwhile is left out.
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

// staging are the staged objects in the lake of shards that stand in the ledger.
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
