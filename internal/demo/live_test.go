package demo

import (
	"testing"

	"github.com/chatlake/chatlake/simulator/platforms"
	"github.com/chatlake/chatlake/worker"
)

// TestWrittenConfigIsAccepted: other commands take the file that a demo writes, also a live one of every platform.
func TestWrittenConfigIsAccepted(t *testing.T) {
	for name, live := range map[string]bool{"still": false, "live": true} {
		t.Run(name, func(t *testing.T) {
			d, err := Open(t.Context(), Options{World: World{Conversations: 4, Seed: 1}, Dir: t.TempDir(), Window: "month", Platforms: platforms.All, Live: live})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := d.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}()
			c, _ := d.Config()
			file, err := d.WriteConfig(c)
			if err != nil {
				t.Fatal(err)
			}
			read, err := worker.Load(file)
			if err != nil || len(read.Accounts) != len(c.Accounts) {
				t.Errorf("%d of %d accounts: %v", len(read.Accounts), len(c.Accounts), err)
			}
			for account := range c.Accounts {
				if has := read.Accounts[account].Sync != nil; has != live {
					t.Errorf("%s: a section sync: %v, want %v", account, has, live)
				}
			}
		})
	}
}
