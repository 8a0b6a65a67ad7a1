package worker

import (
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// TestDefinitionsSayWhatReadersCan opens the account of each fake: whether a definition says that conversations can be ended must agree with
// what its reader can do.
func TestDefinitionsSayWhatReadersCan(t *testing.T) {
	ends := 0
	for _, d := range registry {
		open := reflect.ValueOf(d.Open).Pointer()
		i := slices.IndexFunc(platforms.All, func(p simulator.Platform) bool {
			same, ok := definition(p.Provider)
			return ok && reflect.ValueOf(same.Open).Pointer() == open
		})
		if i < 0 {
			t.Errorf("%s has no fake", d.Name)
			continue
		}
		fake := platforms.All[i].Account
		reader, err := d.Open(providers.Account{
			Name: "acme", BaseURL: "https://" + d.Name + ".example.com", AccountID: fake.ID, Token: fake.Token, Secrets: fake.Secrets, Options: fake.Options,
		})
		if err != nil {
			t.Errorf("%s: %v", d.Name, err)
			continue
		}
		if _, ender := reader.(providers.Ender); ender != d.Ends {
			t.Errorf("%s: the definition says %v, and whether the reader is an Ender is %v", d.Name, d.Ends, ender)
		}
		if d.Ends {
			ends++
		}
		if _, finder := reader.(providers.Finder); d.Push != nil && !finder {
			t.Errorf("%s announces conversations, and its reader is no Finder: the next sync would fetch each of them again", d.Name)
		}
	}
	if ends == 0 || ends == len(registry) {
		t.Errorf("conversations of %d of %d providers can be ended, want some", ends, len(registry))
	}
}

// TestBlindSpots compares the table in docs/sync.md with what the providers say that they cannot see.
func TestBlindSpots(t *testing.T) {
	const (
		path   = "../docs/sync.md"
		begins = "<!-- The table of blind spots is written by: go test ./worker -run TestBlindSpots -update -->\n"
		ends   = "<!-- end of the table of blind spots -->\n"
	)
	table := "\n| platform | change |\n|---|---|\n"
	for _, d := range registry {
		for _, change := range d.Blind {
			table += "| " + d.Name + " | " + change + " |\n"
		}
	}
	table += "\n"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(page), begins)
	stands, foot, ok2 := strings.Cut(rest, ends)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no markers for the table", path)
	}
	if flag.Lookup("update").Value.String() == "true" { // defined in package worker_test
		if err := os.WriteFile(path, []byte(head+begins+table+ends+foot), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(table, stands); diff != "" {
		t.Errorf("the table in %s differs from the providers; write it with -update (-want +got):\n%s", path, diff)
	}
}
