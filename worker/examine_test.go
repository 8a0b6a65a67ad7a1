package worker

import (
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
)

func TestRetention(t *testing.T) {
	for days, want := range map[int]ledger.Level{1: ledger.LevelWarning, 6: ledger.LevelWarning, 7: ledger.LevelOK, 30: ledger.LevelOK} {
		if got := retention(time.Duration(days) * 24 * time.Hour); got.Level != want {
			t.Errorf("%d days: %+v, want %s", days, got, want)
		}
	}
}

func TestKeysAsACheck(t *testing.T) {
	found := providers.Probe{Unreadable: "secrets.private_keys has no key that fits"}
	for allowed, want := range map[bool]ledger.Level{false: ledger.LevelWarning, true: ledger.LevelNote} {
		if got := keys(found, allowed); got.Name != "keys" || got.Level != want || !strings.HasPrefix(got.Text, found.Unreadable+". ") {
			t.Errorf("allowed %v: %+v, want %s", allowed, got, want)
		}
	}
}

func TestVisibilityAsACheck(t *testing.T) {
	for seen, want := range map[providers.Visibility]ledger.Level{
		providers.VisibilityFull: ledger.LevelOK, providers.VisibilityPartial: ledger.LevelWarning, providers.VisibilityUnknown: ledger.LevelNote, "": ledger.LevelNote,
	} {
		if got := visibility(providers.Probe{Visibility: seen}); got.Level != want {
			t.Errorf("%q: %+v, want %s", seen, got, want)
		}
	}
}
