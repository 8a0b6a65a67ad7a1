package page

import (
	"testing"
	"time"
)

func TestRestAfter(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0: 2 * time.Second, 200 * time.Millisecond: 2 * time.Second, time.Second: 10 * time.Second, 20 * time.Second: time.Minute,
	} {
		if got := restAfter(took, 2*time.Second); got != want {
			t.Errorf("after %s: %s, want %s", took, got, want)
		}
	}
}
