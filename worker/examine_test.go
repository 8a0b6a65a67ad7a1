package worker

import (
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/providers"
)

func TestRetention(t *testing.T) {
	for days, want := range map[int]lake.Level{1: lake.LevelWarning, 6: lake.LevelWarning, 7: lake.LevelOK, 30: lake.LevelOK} {
		if got := retention(time.Duration(days) * 24 * time.Hour); got.Level != want {
			t.Errorf("%d days: %+v, want %s", days, got, want)
		}
	}
}

func TestKeysAsACheck(t *testing.T) {
	found := providers.Probe{Unreadable: "secrets.private_keys has no key that fits"}
	for allowed, want := range map[bool]lake.Level{false: lake.LevelWarning, true: lake.LevelNote} {
		if got := keys(found, allowed); got.Name != "keys" || got.Level != want || !strings.HasPrefix(got.Text, found.Unreadable+". ") {
			t.Errorf("allowed %v: %+v, want %s", allowed, got, want)
		}
	}
}

func TestVisibilityAsACheck(t *testing.T) {
	for seen, want := range map[providers.Visibility]lake.Level{
		providers.VisibilityFull: lake.LevelOK, providers.VisibilityPartial: lake.LevelWarning, providers.VisibilityUnknown: lake.LevelNote, "": lake.LevelNote,
	} {
		if got := visibility(providers.Probe{Visibility: seen}); got.Level != want {
			t.Errorf("%q: %+v, want %s", seen, got, want)
		}
	}
}
