package inspect

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/worker"
)

// A Part is one part of the installation and what was found of it.
type Part struct {
	Part   string  `json:"part"`
	Checks []Check `json:"checks"`
}

// Examine tries everything that exports of accounts need: folders and free space, the lake, each account's credentials and clock, the
// Temporal server, and whether announcements arrive. It makes a few requests to each platform and leaves nothing behind.
func Examine(ctx context.Context, c worker.Config, accounts []string) []Part {
	parts := []Part{
		{"folders", examineFolders(c)},
		{"lake " + c.Lake.URL, examineLake(ctx, c)},
	}
	for _, name := range accounts {
		parts = append(parts, Part{fmt.Sprintf("account %s (%s)", name, c.Accounts[name].Provider), c.Examine(ctx, name)})
	}
	return append(parts, Part{"temporal", c.ExamineTemporal(ctx)})
}

// Levels counts the checks of each level.
func Levels(parts []Part) map[Level]int64 {
	n := map[Level]int64{}
	for _, part := range parts {
		for _, c := range part.Checks {
			n[c.Level]++
		}
	}
	return n
}

func examineLake(ctx context.Context, c worker.Config) []Check {
	if folder, ok := ledger.Folder(c.Lake.URL); ok {
		remove, err := worker.MakeFolder(filepath.Join(folder, ".tmp")) // as opening the lake does
		defer remove()
		if err != nil {
			return []Check{{Name: "open", Level: LevelFailed, Text: err.Error()}}
		}
	}
	l, err := worker.OpenLake(ctx, c)
	if err != nil {
		return []Check{{Name: "open", Level: LevelFailed, Text: err.Error()}}
	}
	return l.Examine(ctx)
}
