package providertest

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/providers"
)

// Open opens the account acme at a base URL, after the changes have been applied to its settings, and returns its reader. R is the
// provider's own type of it.
func Open[R providers.Reader](t testing.TB, definition providers.Definition, a providers.Account, changes ...func(*providers.Account)) R {
	t.Helper()
	a.Name = "acme"
	for _, change := range changes {
		change(&a)
	}
	reader, err := definition.Open(a)
	if err != nil {
		t.Fatal(err)
	}
	return reader.(R)
}

// Says answers every request with a status and a JSON body.
func Says(status int, body string) http.HandlerFunc { return says(status, "application/json", body) }

// WebPage answers every request with a status and a web page, as a proxy or a portal does.
func WebPage(status int) http.HandlerFunc { return says(status, "text/html", "<html>") }

func says(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// PathEndsWith matches requests whose path ends with one of the endings.
func PathEndsWith(endings ...string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return slices.ContainsFunc(endings, func(ending string) bool { return strings.HasSuffix(r.URL.Path, ending) })
	}
}
