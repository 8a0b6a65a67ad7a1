package rest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// held is the target file of a download, with an optional error such as that of a full disk.
type held struct {
	body []byte
	full error
}

func (h *held) WriteAt(p []byte, at int64) (int, error) {
	if h.full != nil {
		return 0, h.full
	}
	h.body = append(h.body[:at], p...)
	return len(p), nil
}

// save downloads a hundred bytes at most.
func save(c *Client, ctx context.Context, link string) (Response, string, error) {
	h := &held{}
	answer, err := c.Download(ctx, "download", link, h, 100)
	return answer, string(h.body[:answer.Size]), err
}

// A link is read completely, as bytes, without the account's credentials, and counted as a request.
func TestDownload(t *testing.T) {
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Token") != "" || r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" {
			t.Error("a link was asked with credentials or a referer")
		}
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/file?x=query-marker", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/expired":
			http.Error(w, "<Error>body-marker</Error>", http.StatusForbidden)
		case "/huge":
			_, _ = w.Write(make([]byte, 101))
		case "/cut":
			w.Header().Set("Content-Length", "50")
			_, _ = w.Write([]byte("PK"))
		default:
			w.Header().Set("Content-Type", "application/zip")
			_, _ = w.Write([]byte("PK\x03\x04\x00<html>"))
		}
	}))
	defer files.Close()
	c := client(t, files.URL, nil)
	meter := providers.NewMeter(providers.Lease{})
	ctx := providers.WithMeter(t.Context(), meter)
	for _, path := range []string{"/file?sig=query-marker", "/moved"} {
		answer, body, err := save(c, ctx, files.URL+path)
		if err != nil || answer.Status != 200 || !strings.HasPrefix(body, "PK\x03\x04") || answer.ObservedAt.IsZero() {
			t.Errorf("%s: %+v, %v", path, answer, err)
		}
	}
	if meter.Requests() != 2 {
		t.Errorf("%d requests were counted, want 2", meter.Requests())
	}
	if answer, body, err := save(c, ctx, files.URL+"/expired"); body != "" || err != nil || answer.Status != 403 {
		t.Errorf("an expired link: %d, %v", answer.Status, err)
	}
	for path, kind := range map[string]providers.Kind{"/huge": providers.Malformed, "/loop": providers.Malformed, "/cut": providers.Transient} {
		_, _, err := save(c, ctx, files.URL+path+"?sig=query-marker")
		if e := problem(t, err); e.Kind != kind || e.Op != "download" {
			t.Errorf("%s: %v, want %s", path, e, kind)
		}
	}
}

// Only https addresses are followed, unless the base URL is not https either.
func TestDownloadLinks(t *testing.T) {
	transport := roundTrip(func(r *http.Request) (*http.Response, error) { return answering(200, "x"), nil })
	c := client(t, "https://api.example.com", transport)
	if _, _, err := save(c, t.Context(), "https://files.example.net/a.zip?sig=1"); err != nil {
		t.Error(err)
	}
	for _, link := range []string{"http://files.example.net/query-marker", "ftp://a/b", "/reports/raw/1", "", "https://u:p@files.example.net/", "://"} {
		_, _, err := save(c, t.Context(), link)
		if e := problem(t, err); e.Kind != providers.Malformed || !errors.Is(err, errLink) {
			t.Errorf("%q was followed: %v", link, err)
		}
	}
	far := roundTrip(func(r *http.Request) (*http.Response, error) {
		return answering(302, "", "Location", "http://elsewhere.example.com/query-marker"), nil
	})
	if _, _, err := save(client(t, "https://api.example.com", far), t.Context(), "https://files.example.net/"); !errors.Is(err, errLinkRedirect) {
		t.Errorf("a redirect to http ended with %v", err)
	}
}

// A web page instead of a file is an error: the request is repeated, and given up in the end.
func TestDownloadOfAPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := map[string]func() *http.Response{
			"by its type": func() *http.Response {
				return answering(200, "maintenance", "Content-Type", "text/html; charset=utf-8")
			},
			"by its beginning": func() *http.Response { return answering(200, "\n<!DOCTYPE html>") },
		}
		for name, page := range pages {
			asked := 0
			once := roundTrip(func(*http.Request) (*http.Response, error) {
				if asked++; asked == 1 {
					return page(), nil
				}
				return answering(200, "PK"), nil
			})
			_, body, err := save(client(t, "https://api.example.com", once), t.Context(), "https://files.example.net/")
			if err != nil || body != "PK" {
				t.Errorf("%s, once: %q, %v", name, body, err)
			}
			ever := roundTrip(func(*http.Request) (*http.Response, error) { return page(), nil })
			_, _, err = save(client(t, "https://api.example.com", ever), t.Context(), "https://files.example.net/")
			if e := problem(t, err); e.Kind != providers.Malformed || !errors.Is(err, errLinkHTML) {
				t.Errorf("%s, for ever: %v", name, err)
			}
		}
	})
}

// A request to a busy file store is repeated, and a store that throttles makes the client wait.
func TestDownloadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []*http.Response{answering(503, ""), answering(429, "", "Retry-After", "7"), answering(200, "PK")}
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			a := answers[0]
			answers = answers[1:]
			return a, nil
		})
		start := time.Now()
		_, body, err := save(client(t, "https://api.example.com", transport), t.Context(), "https://files.example.net/")
		if err != nil || body != "PK" || time.Since(start) < 7*time.Second {
			t.Errorf("%q after %s, %v", body, time.Since(start), err)
		}
	})
}

// A body beyond the limit is not read to its end, and a full disk is not blamed on the platform's answer.
func TestDownloadBounds(t *testing.T) {
	sent := 0
	endless := roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, ContentLength: -1, Header: http.Header{}, Body: io.NopCloser(readerFunc(func(p []byte) (int, error) {
			sent += len(p)
			return len(p), nil
		}))}, nil
	})
	h := &held{}
	_, err := client(t, "https://api.example.com", endless).Download(t.Context(), "download", "https://files.example.net/", h, 1<<20)
	if e := problem(t, err); e.Kind != providers.Malformed || !errors.Is(err, ErrTooLarge) || sent > 3<<20 || len(h.body) > 1<<20 {
		t.Errorf("%v after %d bytes, of which %d were written", err, sent, len(h.body))
	}
	synctest.Test(t, func(t *testing.T) {
		short := roundTrip(func(*http.Request) (*http.Response, error) { return answering(200, "PK"), nil })
		full := &held{full: &fs.PathError{Op: "write", Path: "/a/path-marker", Err: syscall.ENOSPC}}
		_, err := client(t, "https://api.example.com", short).Download(t.Context(), "download", "https://files.example.net/", full, 1<<20)
		if e := problem(t, err); e.Kind != providers.Transient || !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "path-marker") {
			t.Errorf("a full disk: %v", err)
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
