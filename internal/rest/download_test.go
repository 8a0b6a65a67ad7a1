package rest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// A link is read whole, as bytes, without the account's credentials, and is counted.
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
	c := client(t, "http://api.example.com", nil)
	meter := providers.NewMeter(providers.Lease{})
	ctx := providers.WithMeter(t.Context(), meter)
	for _, path := range []string{"/file?sig=query-marker", "/moved"} {
		answer, err := c.Download(ctx, "download", files.URL+path, 100)
		if err != nil || answer.Status != 200 || !strings.HasPrefix(string(answer.Body), "PK\x03\x04") || answer.ObservedAt.IsZero() {
			t.Errorf("%s: %+v, %v", path, answer, err)
		}
	}
	if meter.Requests() != 2 {
		t.Errorf("%d requests were counted, want 2", meter.Requests())
	}
	if answer, err := c.Download(ctx, "download", files.URL+"/expired", 100); err != nil || answer.Status != 403 {
		t.Errorf("an expired link: %d, %v", answer.Status, err)
	}
	for path, kind := range map[string]providers.Kind{"/huge": providers.Malformed, "/loop": providers.Malformed, "/cut": providers.Transient} {
		_, err := c.Download(ctx, "download", files.URL+path+"?sig=query-marker", 100)
		if e := problem(t, err); e.Kind != kind || e.Op != "download" {
			t.Errorf("%s: %v, want %s", path, e, kind)
		}
	}
}

// What is no https address is not followed, unless the base URL is no https address either.
func TestDownloadLinks(t *testing.T) {
	transport := roundTrip(func(r *http.Request) (*http.Response, error) { return answering(200, "x"), nil })
	c := client(t, "https://api.example.com", transport)
	if _, err := c.Download(t.Context(), "download", "https://files.example.net/a.zip?sig=1", 100); err != nil {
		t.Error(err)
	}
	for _, link := range []string{"http://files.example.net/query-marker", "ftp://a/b", "/reports/raw/1", "", "https://u:p@files.example.net/", "://"} {
		_, err := c.Download(t.Context(), "download", link, 100)
		if e := problem(t, err); e.Kind != providers.Malformed || !errors.Is(err, errLink) {
			t.Errorf("%q was followed: %v", link, err)
		}
	}
	far := roundTrip(func(r *http.Request) (*http.Response, error) {
		return answering(302, "", "Location", "http://elsewhere.example.com/query-marker"), nil
	})
	if _, err := client(t, "https://api.example.com", far).Download(t.Context(), "download", "https://files.example.net/", 100); !errors.Is(err, errFar) {
		t.Errorf("a redirect to http ended with %v", err)
	}
}

// A page for people in the place of a file is no file: it is asked for again, and given up in the end.
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
			answer, err := client(t, "https://api.example.com", once).Download(t.Context(), "download", "https://files.example.net/", 100)
			if err != nil || string(answer.Body) != "PK" {
				t.Errorf("%s, once: %q, %v", name, answer.Body, err)
			}
			ever := roundTrip(func(*http.Request) (*http.Response, error) { return page(), nil })
			_, err = client(t, "https://api.example.com", ever).Download(t.Context(), "download", "https://files.example.net/", 100)
			if e := problem(t, err); e.Kind != providers.Malformed || !errors.Is(err, errPage) {
				t.Errorf("%s, for ever: %v", name, err)
			}
		}
	})
}

// A file store that is busy is asked again, and one that throttles is waited for.
func TestDownloadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []*http.Response{answering(503, ""), answering(429, "", "Retry-After", "7"), answering(200, "PK")}
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			a := answers[0]
			answers = answers[1:]
			return a, nil
		})
		start := time.Now()
		answer, err := client(t, "https://api.example.com", transport).Download(t.Context(), "download", "https://files.example.net/", 100)
		if err != nil || string(answer.Body) != "PK" || time.Since(start) < 7*time.Second {
			t.Errorf("%q after %s, %v", answer.Body, time.Since(start), err)
		}
	})
}
