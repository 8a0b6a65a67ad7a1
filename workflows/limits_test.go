package workflows

import (
	"testing"

	"github.com/chatlake/chatlake/providers"
)

func TestLimits(t *testing.T) {
	lease := func(rps float64) providers.Lease { return providers.Lease{RequestsPerSecond: rps} }
	for name, c := range map[string]struct{ got, want int }{
		"a page without a budget":                {pageLimit(lease(0), 1), refsPerPage},
		"a page, twenty to a request":            {pageLimit(lease(0.1), 0), 120},
		"a page, a request each":                 {pageLimit(lease(2), 1), 120},
		"a page is never tiny":                   {pageLimit(lease(0.1), 1), 20},
		"a page is never endless":                {pageLimit(lease(100), 0.01), refsPerPage},
		"a chunk, two requests each":             {chunkSize(lease(2), 2, freeMessages), 60},
		"a chunk of one at least":                {chunkSize(lease(0.001), 2, freeMessages), 1},
		"a chunk without a budget":               {chunkSize(lease(0), 1, freeMessages), freeMessages},
		"a chunk without a budget, many to one":  {chunkSize(lease(0), 0.01, freeMessages), refsPerPage},
		"a chunk without a budget, several each": {chunkSize(lease(0), 4, freeMetadata), freeMetadata},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d conversations, want %d", name, c.got, c.want)
		}
	}
}
