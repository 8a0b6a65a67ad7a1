package chatwoot_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
)

// discard is a ResponseWriter that discards everything.
type discard struct {
	header http.Header
	bytes  int64
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { d.bytes += int64(len(p)); return len(p), nil }

// BenchmarkHandler sends the requests of an export, each conversation once, without a network.
func BenchmarkHandler(b *testing.B) {
	const n = 20_000
	site := newSite(b, n, chatwoot.Options{})
	for name, path := range map[string]func(i int) string{
		"list": func(i int) string {
			return fmt.Sprintf("conversations?status=all&sort_by=created_at_asc&page=%d", i%(n/25)+1)
		},
		"list_bisect": func(i int) string { return "conversations?status=all&sort_by=created_at_asc&page=17" },
		"show":        func(i int) string { return fmt.Sprintf("conversations/%d", simulator.Number(i%n)) },
		"messages": func(i int) string {
			return fmt.Sprintf("conversations/%d/messages?after=0&before=9000000000", simulator.Number(i%n))
		},
		"participants": func(i int) string { return fmt.Sprintf("conversations/%d/participants", simulator.Number(i%n)) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var next, size atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				d := &discard{header: http.Header{}}
				for pb.Next() {
					r := httptest.NewRequest("GET", "/api/v1/accounts/1/"+path(int(next.Add(1))), nil)
					r.Header.Set("api_access_token", chatwoot.AdministratorToken)
					site.ServeHTTP(d, r)
				}
				size.Add(d.bytes)
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
			b.ReportMetric(float64(size.Load())/float64(b.N), "bytes/request")
		})
	}
}

// BenchmarkNew creates a site for a large world.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newSite(b, 1_000_000, chatwoot.Options{})
	}
}
