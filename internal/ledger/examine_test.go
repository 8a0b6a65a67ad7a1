package ledger

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/ledger/s3test"
)

// told formats checks as text.
func told(checks []Check) (lines []string) {
	for _, c := range checks {
		lines = append(lines, fmt.Sprintf("%s %s: %s", c.Level, c.Name, c.Text))
	}
	return lines
}

// levels returns the checks that are not OK, by name.
func levels(checks []Check) map[string]Level {
	found := map[string]Level{}
	for _, c := range checks {
		if c.Level != LevelOK {
			found[c.Name] = c.Level
		}
	}
	return found
}

func TestExamineAFolder(t *testing.T) {
	l := openFolder(t)
	want := []string{
		"ok write: an object can be written", "ok conditional writes: an existing object is not overwritten", "ok read: it can be read",
		"ok list: a new object is listed at once", "ok delete: it can be deleted",
	}
	if diff := cmp.Diff(want, told(l.Examine(t.Context()))); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	sound := l.store
	for name, test := range map[string]struct {
		store Store
		want  map[string]Level
	}{
		"conditions ignored":               {forgetful{sound}, map[string]Level{"conditional writes": LevelFailed}},
		"conditions answered, and ignored": {liar{sound}, map[string]Level{"conditional writes": LevelFailed}},
		"lists that lag":                   {blind{sound}, map[string]Level{"list": LevelFailed}},
	} {
		l.store = test.store
		if diff := cmp.Diff(test.want, levels(l.Examine(t.Context()))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for object := range sound.List(t.Context(), "") {
		t.Errorf("%s was left behind", object.Key)
	}
}

// examined runs Examine against a server behind a proxy that may answer requests itself.
func examined(t *testing.T, server s3test.Server, answer func(w http.ResponseWriter, r *http.Request) bool) []Check {
	t.Helper()
	front := s3test.Proxy(t, server, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !answer(w, r) {
			next.ServeHTTP(w, r)
		}
	})
	c := on(front)
	c.URL += "/acme"
	l, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return l.Examine(t.Context())
}

func refuse(w http.ResponseWriter, status int, code string) bool {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>no</Message></Error>`, code)
	return true
}

func TestExamineABucket(t *testing.T) {
	server := s3test.Start(t)
	checks := examined(t, server, func(http.ResponseWriter, *http.Request) bool { return false })
	for _, c := range checks {
		if c.Level == LevelFailed || c.Level == LevelWarning {
			t.Errorf("%s %s: %s", c.Level, c.Name, c.Text)
		}
	}
	if n, err := server.Uploads(); n != 0 || err != nil {
		t.Errorf("%d uploads were left behind, error %v", n, err)
	}
	tests := []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request) bool
		want   string
	}{
		{"writes are refused", func(w http.ResponseWriter, r *http.Request) bool {
			return r.Method == http.MethodPut && refuse(w, 403, "AccessDenied")
		}, "failed write: write _probe/"},
		{"deletes are refused", func(w http.ResponseWriter, r *http.Request) bool {
			return r.Method == http.MethodDelete && r.URL.Query().Get("uploadId") == "" && refuse(w, 403, "AccessDenied")
		}, "failed delete: delete _probe/"},
		{"lists are refused", func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Query().Has("list-type") && refuse(w, 403, "AccessDenied")
		}, "failed list: list _probe/"},
		{"multipart uploads are refused", func(w http.ResponseWriter, r *http.Request) bool {
			return r.Method == http.MethodPost && refuse(w, 403, "AccessDenied")
		}, "failed multipart upload: start the multipart upload of _probe/"},
		{"aborts are refused", func(w http.ResponseWriter, r *http.Request) bool {
			return r.Method == http.MethodDelete && r.URL.Query().Get("uploadId") != "" && refuse(w, 403, "AccessDenied")
		}, "failed multipart upload: abort the upload of _probe/"},
		{"nobody may ask for versions", func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Query().Has("versioning") && refuse(w, 403, "AccessDenied")
		}, "note versioning: these credentials may not read this setting"},
		{"nobody may ask for rules", func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Query().Has("lifecycle") && refuse(w, 403, "AccessDenied")
		}, "note lifecycle: these credentials may not read this setting"},
		{"the store knows no rules", func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Query().Has("lifecycle") && refuse(w, 501, "NotImplemented")
		}, "note lifecycle: the store does not report this setting: NotImplemented status 501"},
		{"a rule for all", func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Query().Has("lifecycle") && write(w, `<LifecycleConfiguration><Rule><ID>tidy</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter><Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>`)
		}, `failed lifecycle: the rule "tidy" deletes objects below acme/_ledger/`},
		{"versions without an end", func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Query().Has("lifecycle") {
				return refuse(w, 404, "NoSuchLifecycleConfiguration")
			}
			return r.URL.Query().Has("versioning") && write(w, `<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>`)
		}, "warning lifecycle: no rule removes old versions below acme/_staging/"},
		{"open to the world", func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Query().Has("publicAccessBlock") && refuse(w, 404, "NoSuchPublicAccessBlockConfiguration")
		}, "note public access: not blocked"},
		{"closed to the world", func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Query().Has("publicAccessBlock") && write(w, `<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>`)
		}, "ok public access: blocked"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines := told(examined(t, server, tt.answer))
			for _, line := range lines {
				if strings.HasPrefix(line, tt.want) {
					return
				}
			}
			t.Errorf("no %q in:\n%s", tt.want, strings.Join(lines, "\n"))
		})
	}
}

func write(w http.ResponseWriter, body string) bool {
	w.Header().Set("Content-Type", "application/xml")
	_, _ = w.Write([]byte(`<?xml version="1.0" encoding="UTF-8"?>` + body))
	return true
}

// TestExamineReadsTheServersClock has the server send a time other than ours.
func TestExamineReadsTheServersClock(t *testing.T) {
	server := s3test.Start(t)
	checks := examined(t, server, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("max-keys") != "1" {
			return false
		}
		w.Header().Set("Date", time.Now().Add(5*time.Minute).UTC().Format(http.TimeFormat))
		return write(w, `<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>`)
	})
	if got := levels(checks)["clock"]; got != LevelWarning {
		t.Errorf("the clock is %q, want a warning:\n%s", got, strings.Join(told(checks), "\n"))
	}
}

func TestClock(t *testing.T) {
	here := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		ahead time.Duration
		want  Level
		text  string
	}{
		{20 * time.Second, LevelOK, "agree"},
		{31 * time.Second, LevelWarning, "31s ahead"},
		{-time.Minute, LevelWarning, "1m0s behind"},
		{-15 * time.Minute, LevelFailed, "refuses signed requests"},
		{time.Hour, LevelFailed, "1h0m0s ahead"},
	} {
		if got := Clock(here.Add(test.ahead), here); got.Level != test.want || !strings.Contains(got.Text, test.text) {
			t.Errorf("%s ahead: %+v, want %s and %q", test.ahead, got, test.want, test.text)
		}
	}
}
