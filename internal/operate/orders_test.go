package operate

import "testing"

func TestAccountsOfRuns(t *testing.T) {
	for id, want := range map[string]string{
		"export/acme/year":                         "acme",
		"export/acme/2025-01-01_2026-01-01":        "acme",
		"remap/acme":                               "acme",
		"sync/acme":                                "acme",
		"sync/acme-2026-05-01T12:00:00Z":           "acme",
		"history/acme-west-1-2026-05-01T00:20:00Z": "acme-west-1",
		"export/acme-2026-05-01/x":                 "acme-2026-05-01",
		"nonsense":                                 "",
	} {
		if got := accountOfRun(id); got != want {
			t.Errorf("%s: account %q, want %q", id, got, want)
		}
	}
}
