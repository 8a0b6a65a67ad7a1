package freshchat

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// reporter serves reports with given rows. The first cell of a row is its time.
type reporter struct {
	header map[string]string
	rows   map[string][]string
	orders []struct{ Event, Start, End string }
}

func (p *reporter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	path := strings.TrimPrefix(r.URL.Path, "/v2/")
	switch {
	case r.Method == http.MethodPost && path == "reports/raw":
		var o struct{ Event, Start, End string }
		if json.NewDecoder(r.Body).Decode(&o) != nil {
			w.WriteHeader(400)
			return
		}
		p.orders = append(p.orders, o)
		w.WriteHeader(202)
		fmt.Fprintf(w, `{"id":"%d"}`, len(p.orders)-1)
	case strings.HasPrefix(path, "reports/raw/"):
		fmt.Fprintf(w, `{"status":"COMPLETED","links":[{"link":{"href":"http://%s/file/%s"}}]}`, r.Host, strings.TrimPrefix(path, "reports/raw/"))
	case strings.HasPrefix(r.URL.Path, "/file/"):
		var n int
		if _, err := fmt.Sscan(strings.TrimPrefix(r.URL.Path, "/file/"), &n); err != nil {
			w.WriteHeader(404)
			return
		}
		o := p.orders[n]
		fmt.Fprintln(w, p.header[o.Event])
		for _, row := range p.rows[o.Event] {
			at := *instant(row[:strings.IndexByte(row, ',')])
			if !at.Before(*instant(o.Start)) && !at.After(*instant(o.End)) {
				fmt.Fprintln(w, row)
			}
		}
	case strings.HasSuffix(path, "/messages"):
		fmt.Fprint(w, `{"messages":[{"id":"m1","created_time":"2025-03-02T00:00:05.000Z"}]}`)
	case path == "users/fetch":
		fmt.Fprint(w, `[]`)
	default:
		fmt.Fprint(w, `{"conversation_id":"c1","app_id":"a","status":"new","channel_id":"ch","skill_id":0}`)
	}
}

// A conversation created just before midnight, with its first message after midnight, belongs only to the first day, even if its own
// body does not have the time: Conversation-Created begins a day before the window.
func TestMidnight(t *testing.T) {
	p := &reporter{
		header: map[string]string{eventCreated: "created_at,conversation_id", eventTranscript: "created_time,conversation_id,message_id,customer_id"},
		rows: map[string][]string{
			eventCreated:    {"2025-03-01 23:59:59.9,c1"},
			eventTranscript: {"2025-03-02 00:00:05.0,c1,m1,u1"},
		},
	}
	server := httptest.NewServer(p)
	defer server.Close()
	day := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	for i, want := range []int{1, 0} {
		w := schemas.Window{From: day.AddDate(0, 0, i), To: day.AddDate(0, 0, i+1)}
		refs, dropped := 0, 0
		for page, err := range testAccount(t, server.URL).Conversations(t.Context(), w, "") {
			if err != nil {
				t.Fatal(err)
			}
			refs, dropped = refs+len(page.Refs), dropped+page.Dropped
		}
		if refs != want || dropped != 1-want {
			t.Errorf("%s has %d conversations and drops %d, want %d and %d", w, refs, dropped, want, 1-want)
		}
	}
	for _, o := range p.orders {
		from, to := *instant(o.Start), *instant(o.End)
		if o.Event == eventTranscript && to.Sub(from) >= 24*time.Hour || to.Sub(from) >= 28*24*time.Hour {
			t.Errorf("%s was ordered from %s to %s", o.Event, o.Start, o.End)
		}
	}
}

// Orders of any window are at most as long as the platform allows, and cover the window completely.
func TestOrders(t *testing.T) {
	for _, w := range []schemas.Window{
		{From: march, To: march.AddDate(0, 1, 0)},
		{From: time.Date(2024, 1, 31, 5, 4, 3, 2e6, time.UTC), To: time.Date(2024, 12, 31, 23, 59, 59, 0, time.UTC)},
		{From: march.Add(time.Hour), To: march.Add(2 * time.Hour)},
		{From: march, To: march},
	} {
		for name, all := range map[string][]schemas.Window{"days": w.Cut("day"), "months": months(w)} {
			at := w.From
			for _, part := range all {
				if !part.From.Equal(at) || !part.To.After(part.From) || name == "days" && part.To.Sub(part.From) > 24*time.Hour || part.To.After(part.From.AddDate(0, 1, 0)) {
					t.Errorf("%s: %s after %s", name, part, at)
				}
				at = part.To
			}
			if !at.Equal(w.To) {
				t.Errorf("the %s of %s end at %s", name, w, at)
			}
		}
		if seg := segments(w); len(seg) > 0 && !seg[len(seg)-1].To.Equal(w.To) {
			t.Errorf("segments of %s end at %s", w, seg[len(seg)-1].To)
		}
	}
}
