package activities

import (
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

func TestPushedWindow(t *testing.T) {
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, test := range []struct{ last, now, from, to string }{
		{"", "2026-05-04T12:00:00.5Z", "2026-05-04T11:59:59Z", "2026-05-04T12:00:00Z"},
		{"2026-05-04T11:00:00Z", "2026-05-04T12:00:00Z", "2026-05-04T11:00:00Z", "2026-05-04T12:00:00Z"},
		{"2026-05-04T12:00:00Z", "2026-05-04T12:00:00Z", "2026-05-04T12:00:00Z", "2026-05-04T12:00:01Z"},
		{"2026-05-04T12:00:05Z", "2026-05-04T12:00:00Z", "2026-05-04T12:00:05Z", "2026-05-04T12:00:06Z"},
		{"2026-04-04T12:00:05Z", "2026-05-04T12:00:00Z", "2026-05-01T00:00:00Z", "2026-05-04T12:00:00Z"},
		{"2026-04-30T23:59:00Z", "2026-05-01T00:00:00Z", "2026-04-30T23:59:00Z", "2026-05-01T00:00:00Z"},
		{"2026-05-01T00:00:00Z", "2026-05-01T00:00:00Z", "2026-05-01T00:00:00Z", "2026-05-01T00:00:01Z"},
		{"", "2026-05-01T00:00:00Z", "2026-04-30T23:59:59Z", "2026-05-01T00:00:00Z"},
	} {
		var before []ledger.Generation
		if test.last != "" {
			before = append(before, ledger.Generation{Shard: ledger.Shard{Window: schemas.Window{To: at(test.last)}}})
		}
		w := pushedWindow(before, at(test.now))
		if !w.From.Equal(at(test.from)) || !w.To.Equal(at(test.to)) || len(w.Cut("month")) != 1 {
			t.Errorf("after %q at %s: %s", test.last, test.now, w)
		}
	}
}
