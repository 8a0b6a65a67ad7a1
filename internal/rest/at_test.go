package rest

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// Two hosts of an account share its budget and its pauses, and neither sees the credentials of the other.
func TestOtherHostSharesTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := true
		var asked []string
		c := client(t, "https://one.example.com/api", roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.Host+" "+r.Header.Get("X-Token")+r.Header.Get("X-Other"))
			if refuse {
				refuse = false
				return answering(http.StatusTooManyRequests, `{}`), nil
			}
			return answering(http.StatusOK, `{}`), nil
		}), func(c *Config) { c.Rate.RequestsPerSecond = 2 })
		other, err := c.At("https://two.example.com", func(r *http.Request) error { r.Header.Set("X-Other", "o"); return nil })
		if err != nil {
			t.Fatal(err)
		}
		bare, err := c.At("https://three.example.com", nil)
		if err != nil {
			t.Fatal(err)
		}
		meter := providers.NewMeter(providers.Lease{})
		ctx := providers.WithMeter(t.Context(), meter)
		start := time.Now()
		for _, on := range []*Client{c, other, bare} {
			if _, err := on.Get(ctx, "ask", "/x", nil); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{"one.example.com " + token, "one.example.com " + token, "two.example.com o", "three.example.com "}
		if len(asked) != len(want) {
			t.Fatalf("asked %v", asked)
		}
		for i := range want {
			if asked[i] != want[i] {
				t.Errorf("request %d went to %q, want %q", i, asked[i], want[i])
			}
		}
		if took := time.Since(start); took < 2*time.Second || meter.Requests() != 4 || meter.Throttled() != 1 {
			t.Errorf("%d requests, %d throttled, in %s; a pause of 1 s and the rate after it are for all hosts", meter.Requests(), meter.Throttled(), took)
		}
		if other.gate != c.gate || bare.gate != c.gate {
			t.Error("the hosts have gates of their own")
		}
	})
}

func TestOtherHostIsPinned(t *testing.T) {
	c := client(t, "https://one.example.com", roundTrip(func(*http.Request) (*http.Response, error) {
		return answering(http.StatusFound, "", "Location", "https://one.example.com/x"), nil
	}))
	other, err := c.At("https://two.example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Get(t.Context(), "ask", "https://one.example.com/x", nil); err == nil {
		t.Error("a link to the first host was followed")
	}
	if _, err := other.Get(t.Context(), "ask", "/x", nil); !errors.Is(err, ErrRedirect) {
		t.Errorf("a redirect to the first host: %v", err)
	}
	for _, bad := range []string{"", "two.example.com", "ftp://two.example.com", "https://a:b@two.example.com"} {
		if _, err := c.At(bad, nil); err == nil {
			t.Errorf("the base URL %q was taken", bad)
		}
	}
}

func TestForm(t *testing.T) {
	var got string
	c := client(t, "https://one.example.com", roundTrip(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		got = r.Header.Get("Content-Type") + " " + string(body)
		return answering(http.StatusOK, `{}`), nil
	}))
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"a b&c"}}
	if _, err := c.Do(t.Context(), Request{Op: "ask", Method: http.MethodPost, Path: "/token", Form: form}); err != nil {
		t.Fatal(err)
	}
	if want := "application/x-www-form-urlencoded client_id=a+b%26c&grant_type=client_credentials"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

// Some requests need a longer wait after a 429 than the answer says.
func TestLeastPause(t *testing.T) {
	for _, tt := range []struct {
		header string
		want   time.Duration
	}{{"", 5 * time.Second}, {"2", 5 * time.Second}, {"9", 9 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			c := client(t, "https://one.example.com", roundTrip(func(*http.Request) (*http.Response, error) {
				if asked++; asked == 1 {
					return answering(http.StatusTooManyRequests, `{}`, "Retry-After", tt.header), nil
				}
				return answering(http.StatusOK, `{}`), nil
			}))
			start := time.Now()
			_, err := c.Do(t.Context(), Request{Op: "log in", Method: http.MethodPost, Path: "/login", LeastPause: 5 * time.Second})
			if took := time.Since(start); err != nil || took < tt.want || took > tt.want+time.Second {
				t.Errorf("Retry-After %q: waited %s, error %v; want %s", tt.header, took, err, tt.want)
			}
		})
	}
}
