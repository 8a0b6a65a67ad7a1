package worker

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/platforms"
)

// TestEveryProviderIsComplete checks for what docs/adding-a-provider.md requires besides the line in the registry: a fake whose
// account the provider accepts, and a page that the README links to. A second name of a provider shares those of the first.
func TestEveryProviderIsComplete(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	opened := map[uintptr]bool{}
	for _, d := range registry {
		open := reflect.ValueOf(d.Open).Pointer()
		if opened[open] {
			continue
		}
		opened[open] = true
		i := slices.IndexFunc(platforms.All, func(p simulator.Platform) bool { return p.Provider == d.Name })
		if i < 0 {
			t.Errorf("%s has no fake in simulator/platforms", d.Name)
			continue
		}
		fake := platforms.All[i]
		account := providers.Account{
			Name: "acme", BaseURL: "https://" + d.Name + ".example.com", AccountID: fake.Account.ID, Token: fake.Account.Token,
			Secrets: fake.Account.Secrets, Options: fake.Account.Options,
		}
		if err := d.Check(account); err != nil {
			t.Errorf("%s refuses the account of its fake: %v", d.Name, err)
		}
		page := "docs/mapping-" + d.Name + ".md"
		if _, err := os.Stat("../" + page); err != nil {
			t.Errorf("%s has no page: %v", d.Name, err)
		}
		if !strings.Contains(string(readme), page) {
			t.Errorf("the README has no link to %s", page)
		}
	}
	for _, p := range platforms.All {
		if _, ok := definition(p.Provider); !ok {
			t.Errorf("the fake of %s has no provider in the registry", p.Provider)
		}
	}
}
