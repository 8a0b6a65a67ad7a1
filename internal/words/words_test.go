package words

import (
	"testing"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

func TestWords(t *testing.T) {
	day := time.Date(2025, 1, 31, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ got, want string }{
		{Grouped(0), "0"}, {Grouped(999), "999"}, {Grouped(1000), "1,000"}, {Grouped(1234567), "1,234,567"}, {Grouped(-1234), "-1,234"}, {Grouped(-123), "-123"},
		{Plural(1, "file"), "1 file"}, {Plural(2000, "file"), "2,000 files"},
		{Size(999), "999 B"}, {Size(1500), "1.5 kB"}, {Size(2_500_000), "2.5 MB"}, {Size(3_200_000_000), "3.2 GB"},
		{Duration(0), "1 s"}, {Duration(59 * time.Second), "59 s"}, {Duration(61 * time.Second), "1 min 1 s"}, {Duration(90 * time.Minute), "1 h 30 min"}, {Duration(50 * time.Hour), "2 days"},
		{List(nil), ""}, {List([]string{"a"}), "a"}, {List([]string{"a", "b", "c"}), "a, b and c"},
		{Time(day), "2025-01-31"}, {Span(schemas.Window{From: day, To: day.Add(36 * time.Hour)}), "2025-01-31 to 2025-02-01T12:00:00Z"}, {Range(schemas.Window{From: day, To: day.Add(36 * time.Hour)}), "2025-01-31_20250201T120000Z"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
