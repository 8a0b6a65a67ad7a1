package ledger

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/ledger/s3test"
)

func TestFakeKeepsThePromisesOfAStore(t *testing.T) {
	for name, fake := range map[string]func() *s3test.Fake{
		"sound":          func() *s3test.Fake { return &s3test.Fake{} },
		"small pages":    func() *s3test.Fake { return &s3test.Fake{PageKeys: 3} },
		"ranges ignored": func() *s3test.Fake { return &s3test.Fake{IgnoresRange: true} },
		"behind a path":  func() *s3test.Fake { return &s3test.Fake{Path: "/storage/v1"} },
	} {
		t.Run(name, func(t *testing.T) {
			for what, prove := range map[string]func(*testing.T, Store){
				"put, get, stat and delete": proveRoundTrip, "what is not there": proveAbsence, "ranges": proveRanges, "keys": proveKeys,
				"lists": proveListing, "a list of more than one page": proveLongList, "a key that is taken": proveTaken,
			} {
				t.Run(what, func(t *testing.T) {
					c := on(fake().Start(t))
					c.URL += "/a/prefix"
					prove(t, openBucket(t, c))
				})
			}
		})
	}
}

// badPages are lists that end too early, and a part of the expected error; empty if the list is complete all the same.
var badPages = map[string]struct {
	page func(*s3test.ListPage)
	says string
}{
	"no token":                {func(p *s3test.ListPage) { p.NextContinuationToken = nil }, "has no token"},
	"an empty token":          {func(p *s3test.ListPage) { p.NextContinuationToken = ptr("") }, "has no token"},
	"the token of before":     {func(p *s3test.ListPage) { p.NextContinuationToken = ptr("a/2") }, "repeats an earlier token"},
	"fewer keys than claimed": {func(p *s3test.ListPage) { p.Contents = p.Contents[:len(p.Contents)/2] }, "but claims"},
	"keys of another prefix":  {func(p *s3test.ListPage) { p.Contents[0].Key = "b/1" }, "does not begin with the requested prefix"},
	"keys out of order":       {func(p *s3test.ListPage) { slices.Reverse(p.Contents) }, "out of order"},
	"not a list":              {func(p *s3test.ListPage) { *p = s3test.ListPage{} }, "not a list"},
	"truncated, and unsaid": {func(p *s3test.ListPage) {
		p.IsTruncated, p.NextContinuationToken = ptr(false), nil
	}, ""},
	"truncated, and nothing said": {func(p *s3test.ListPage) { p.IsTruncated = nil }, ""},
}

func ptr[T any](v T) *T { return &v }

func TestIncompleteListsAreErrors(t *testing.T) {
	for name, test := range badPages {
		t.Run(name, func(t *testing.T) {
			fake := &s3test.Fake{PageKeys: 3, Page: func(p *s3test.ListPage) {
				if len(p.Contents) > 0 {
					test.page(p)
				}
			}}
			store := openBucket(t, on(fake.Start(t)))
			var want []string
			for i := range 8 {
				want = append(want, fmt.Sprintf("a/%d", i))
				mustPut(t, store, want[i], "x")
			}
			var got []string
			var last error
			for object, err := range store.List(t.Context(), "a/") {
				if last = err; err == nil {
					got = append(got, object.Key)
				}
			}
			switch {
			case test.says == "" && last != nil:
				t.Error(last)
			case test.says == "":
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("list (-want +got):\n%s", diff)
				}
			case !errors.Is(last, ErrIncompleteList) || !strings.Contains(last.Error(), test.says):
				t.Errorf("the list ended after %d keys with %v, want ErrIncompleteList containing %q", len(got), last, test.says)
			}
		})
	}
}

func TestAnswersThatAreNoListsAreErrors(t *testing.T) {
	for name, body := range map[string]string{"nothing": "", "a page for people": "<html><body>Sign in</body></html>"} {
		t.Run(name, func(t *testing.T) {
			store := openBucket(t, says(t, http.StatusOK, nil, body))
			var last error
			for _, err := range store.List(t.Context(), "") {
				last = err
			}
			if !errors.Is(last, ErrIncompleteList) {
				t.Errorf("%v, want ErrIncompleteList", last)
			}
		})
	}
}

func TestStoresWithoutStartAfterAreListed(t *testing.T) {
	for name, intercept := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"refused": func(w http.ResponseWriter, r *http.Request) bool {
			if !r.URL.Query().Has("start-after") {
				return false
			}
			s3test.Refuse(w, http.StatusNotImplemented, "NotImplemented", "")
			return true
		},
		"ignored": func(_ http.ResponseWriter, r *http.Request) bool {
			query := r.URL.Query()
			query.Del("start-after")
			r.URL.RawQuery = query.Encode()
			return false
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := &s3test.Fake{PageKeys: 3, Intercept: intercept}
			store := openBucket(t, on(fake.Start(t)))
			for _, key := range []string{"a", "b", "c", "d"} {
				mustPut(t, store, key, "x")
			}
			if diff := cmp.Diff(fake.Keys(), keys(t, store, "")); diff != "" {
				t.Errorf("list (-want +got):\n%s", diff)
			}
		})
	}
}

// examineFake examines the lake in a fake's bucket, and checks that nothing is left behind.
func examineFake(t *testing.T, fake *s3test.Fake, change func(*Config)) []Check {
	t.Helper()
	c := on(fake.Start(t))
	change(&c)
	l, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	checks := l.Examine(t.Context())
	if left := fake.Keys(); len(left) > 0 {
		t.Errorf("%q was left behind", left)
	}
	return checks
}

func asIs(*Config) {}

func TestExamineTriesLists(t *testing.T) {
	for name, test := range badPages {
		t.Run(name, func(t *testing.T) {
			checks := examineFake(t, &s3test.Fake{Page: func(p *s3test.ListPage) {
				if len(p.Contents) > 1 {
					test.page(p)
				}
			}}, asIs)
			if failed := levels(checks)["list pages"] == LevelFailed; failed != (test.says != "") {
				t.Errorf("failed: %v\n%s", failed, strings.Join(told(checks), "\n"))
			}
		})
	}
	t.Run("a key is left out", func(t *testing.T) {
		checks := examineFake(t, &s3test.Fake{Unlisted: func(key string) bool { return strings.HasSuffix(key, "/0005") }}, asIs)
		if levels(checks)["list pages"] != LevelFailed {
			t.Error(strings.Join(told(checks), "\n"))
		}
	})
}

// If a client cannot choose the page size, Examine writes more keys than fit on a page of S3.
func TestExamineTriesListsOfTheStoresOwnPages(t *testing.T) {
	for name, test := range map[string]struct {
		pageKeys int
		page     func(*s3test.ListPage)
		want     Level
	}{
		"sound":       {0, func(*s3test.ListPage) {}, LevelOK},
		"without end": {5000, func(*s3test.ListPage) {}, LevelNote},
		"no token":    {0, func(p *s3test.ListPage) { p.NextContinuationToken = nil }, LevelFailed},
	} {
		t.Run(name, func(t *testing.T) {
			fake := &s3test.Fake{PageKeys: test.pageKeys, Page: test.page, Intercept: func(_ http.ResponseWriter, r *http.Request) bool {
				query := r.URL.Query()
				query.Del("max-keys")
				r.URL.RawQuery = query.Encode()
				return false
			}}
			for _, c := range examineFake(t, fake, asIs) {
				if c.Name == "list pages" && c.Level != test.want {
					t.Errorf("%s, want %s: %s", c.Level, test.want, c.Text)
				}
			}
		})
	}
}

func TestExamineTriesRanges(t *testing.T) {
	for want, fake := range map[Level]*s3test.Fake{
		LevelOK: {}, LevelWarning: {IgnoresRange: true},
		LevelFailed: {Intercept: func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Range") == "" {
				return false
			}
			w.Header().Set("Content-Range", "bytes 0-2/10")
			w.WriteHeader(http.StatusPartialContent)
			fmt.Fprint(w, "012")
			return true
		}},
	} {
		for _, c := range examineFake(t, fake, asIs) {
			if c.Name == "ranges" && c.Level != want {
				t.Errorf("%s, want %s: %s", c.Level, want, c.Text)
			}
		}
	}
}

func TestExamineComparesTimes(t *testing.T) {
	for name, test := range map[string]struct {
		fake *s3test.Fake
		want Level
	}{
		"milliseconds here, seconds there": {&s3test.Fake{}, LevelOK},
		"an hour apart":                    {&s3test.Fake{HeadAt: time.Now().Add(-time.Hour)}, LevelWarning},
		"none in lists": {&s3test.Fake{Page: func(p *s3test.ListPage) {
			for i := range p.Contents {
				p.Contents[i].LastModified = "0001-01-01T00:00:00Z"
			}
		}}, LevelWarning},
	} {
		for _, c := range examineFake(t, test.fake, asIs) {
			if c.Name == "times" && c.Level != test.want {
				t.Errorf("%s: %s, want %s: %s", name, c.Level, test.want, c.Text)
			}
		}
	}
}

// If a store's lists have milliseconds and its HEAD has seconds, a sweep removes old objects, and none that are new according to
// HEAD.
func TestSweepOnAStoreWithTwoKindsOfTimes(t *testing.T) {
	fake := &s3test.Fake{}
	l, err := Open(t.Context(), on(fake.Start(t)))
	if err != nil {
		t.Fatal(err)
	}
	orphan := fileFolder("messages", may("acme")) + may("acme").Window.String() + "-0001-aaaaaaaaaaaaaaaa.parquet"
	mustPut(t, l.store, orphan, "x")
	fake.SetTime(orphan, time.Now().AddDate(-1, 0, 0).Truncate(time.Second).Add(700*time.Millisecond))
	fake.HeadAt = time.Now()
	if swept, err := l.Sweep(t.Context(), "", true); err != nil || swept != (Swept{Young: 1}) {
		t.Errorf("swept %+v, error %v; want a file that is young", swept, err)
	}
	fake.HeadAt = time.Time{}
	if swept, err := l.Sweep(t.Context(), "", true); err != nil || swept != (Swept{Files: 1, Bytes: 1}) {
		t.Errorf("swept %+v, error %v; want the file", swept, err)
	}
}
