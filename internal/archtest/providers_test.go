package archtest

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// registryFile contains the only line that a provider needs outside its own folders, and fakesFile that of its fake.
const (
	registryFile = "worker/providers.go"
	fakesFile    = "simulator/platforms/platforms.go"
)

// naming are the other product files that may name a provider, and why.
var naming = map[string]string{
	"internal/redact/redact.go": "the scheme of an Authorization header marks a secret, whoever sends it",
}

// TestProvidersAreNamedInTheirFoldersOnly checks that a provider can be added without a change anywhere else.
func TestProvidersAreNamedInTheirFoldersOnly(t *testing.T) {
	complaints, err := namedElsewhere(os.DirFS("../.."), naming)
	if err != nil {
		t.Fatal(err)
	}
	for _, complaint := range complaints {
		t.Error(complaint)
	}
}

// namedElsewhere returns where product code names a provider, also in comments, and which exceptions are not needed.
func namedElsewhere(root fs.FS, exceptions map[string]string) ([]string, error) {
	names, err := providerNames(root)
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("no provider found: %w", err)
	}
	any := regexp.MustCompile(`(?i)` + strings.Join(names, "|"))
	files, err := goFiles(root)
	if err != nil {
		return nil, err
	}
	var complaints []string
	needed := map[string]bool{}
	for _, f := range files {
		if f.test || f.path == registryFile || f.path == fakesFile || ofProvider(f.folder(), names) {
			continue
		}
		src, err := fs.ReadFile(root, f.path)
		if err != nil {
			return nil, err
		}
		for i, line := range strings.Split(string(src), "\n") {
			if name := any.FindString(line); name != "" {
				if needed[f.path] = true; exceptions[f.path] == "" {
					complaints = append(complaints, fmt.Sprintf("%s:%d names %s: what is special about a provider belongs to its folder", f.path, i+1, name))
				}
			}
		}
	}
	for p := range exceptions {
		if !needed[p] {
			complaints = append(complaints, p+" is an exception, and names no provider")
		}
	}
	slices.Sort(complaints)
	return complaints, nil
}

// providerNames returns the names of the folders with a provider.
func providerNames(root fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(root, "providers")
	var names []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != "providertest" {
			names = append(names, e.Name())
		}
	}
	return names, err
}

func ofProvider(folder string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return below(folder, path.Join("providers", name)) || below(folder, path.Join("simulator", name))
	})
}

func TestNamedElsewhere(t *testing.T) {
	root := fstest.MapFS{}
	for p, body := range map[string]string{
		"providers/acme/acme.go":           "// Acme",
		"providers/acme/cold/cold.go":      "// Acme",
		"providers/providertest/test.go":   "// any provider",
		"providers/providers.go":           "",
		"simulator/acme/acme.go":           "// Acme",
		"worker/providers.go":              "// acme",
		"worker/config.go":                 "const url = `https://ACME.example.com`",
		"worker/config_test.go":            "// acme",
		"simulator/platforms/platforms.go": "// acme",
		"internal/redact/redact.go":        "// acme",
		"internal/rest/rest.go":            "",
		"simulator/acmeother/other.go":     "// of acme",
		"nested/go.mod":                    "module nested",
		"nested/nested.go":                 "// acme",
	} {
		root[p] = &fstest.MapFile{Data: []byte("package p\n" + body)}
	}
	got, err := namedElsewhere(root, map[string]string{"internal/redact/redact.go": "a form of secret", "internal/rest/rest.go": "none"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"internal/rest/rest.go is an exception, and names no provider",
		"simulator/acmeother/other.go:2 names acme: what is special about a provider belongs to its folder",
		"worker/config.go:2 names ACME: what is special about a provider belongs to its folder",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
