package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// repository is the main module, seen from this folder.
const repository = "../.."

func TestTargets(t *testing.T) {
	version, err := readVersion(repository)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, target := range targets() {
		names = append(names, target.name(version))
	}
	want := []string{
		"chatlake_" + version + "_linux_amd64", "chatlake_" + version + "_linux_arm64", "chatlake_" + version + "_darwin_amd64", "chatlake_" + version + "_darwin_arm64",
		"chatlake-worker_" + version + "_linux_amd64", "chatlake-worker_" + version + "_linux_arm64",
		"chatlake-worker_" + version + "_darwin_amd64", "chatlake-worker_" + version + "_darwin_arm64",
	}
	if !slices.Equal(names, want) {
		t.Errorf("the binaries are %v, want %v", names, want)
	}
}

func TestBuilds(t *testing.T) {
	full := strings.Join(target{"linux", "arm64", false}.args("1.2.3", "out"), " ")
	if full != "build -trimpath -buildvcs=true -ldflags -s -w -X main.version=1.2.3 -o out ./cmd/chatlake" {
		t.Errorf("go %s", full)
	}
	if worker := strings.Join(target{"linux", "arm64", true}.args("1.2.3", "out"), " "); !strings.HasSuffix(worker, "-o out -tags noembedded ./cmd/chatlake") {
		t.Errorf("go %s", worker)
	}
	t.Setenv("GOFLAGS", "-race")
	env := target{"darwin", "arm64", false}.env("go1.2.3")
	for _, want := range []string{"CGO_ENABLED=0", "GOOS=darwin", "GOARCH=arm64", "GOFLAGS=", "GOTOOLCHAIN=go1.2.3"} {
		key, _, _ := strings.Cut(want, "=")
		last := ""
		for _, e := range env { // of two values of a variable the last one counts
			if strings.HasPrefix(e, key+"=") {
				last = e
			}
		}
		if last != want {
			t.Errorf("the environment has %q, want %q", last, want)
		}
	}
	if version, err := toolchain(repository); err != nil || !strings.HasPrefix(version, "go1.") {
		t.Errorf("toolchain %q, %v", version, err)
	}
	main, err := os.ReadFile(filepath.Join(repository, "cmd/chatlake/main.go"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(main), "\nvar version = \"\"\n") {
		t.Error("there is no main.version that the linker could set")
	}
}

func TestVersionAndChangelogAgree(t *testing.T) {
	for name, tt := range map[string]struct {
		version, changelog string
		ok                 bool
	}{
		"alike":                      {"1.2.3\n", "# Changelog\n\n## 1.2.3 (2026-01-02)\n\n## 1.2.2 (2026-01-01)\n", true},
		"the changelog is newer":     {"1.2.3\n", "# Changelog\n\n## 1.2.4 (unreleased)\n\n## 1.2.3 (2026-01-02)\n", false},
		"one begins with the other":  {"1.2.3\n", "# Changelog\n\n## 1.2.30 (unreleased)\n", false},
		"no version":                 {"v1.2\n", "# Changelog\n\n## v1.2 (unreleased)\n", false},
		"a changelog of no sections": {"1.2.3\n", "# Changelog\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write(t, filepath.Join(root, "VERSION"), tt.version)
			write(t, filepath.Join(root, "CHANGELOG.md"), tt.changelog)
			if version, err := readVersion(root); (err == nil) != tt.ok {
				t.Errorf("readVersion: %q, %v", version, err)
			}
		})
	}
}

// TestBillOfMaterials describes this test's own binary.
func TestBillOfMaterials(t *testing.T) {
	schema, err := bomSchema()
	if err != nil {
		t.Fatal(err)
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		t.Fatal("this test does not know what it was built of")
	}
	info.Deps = append(info.Deps, &debug.Module{Path: "example.org/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/new", Version: "v2.0.0+incompatible"}})
	file := filepath.Join(t.TempDir(), "x"+bomSuffix)
	bom := describe(targets()[0], "1.2.3", info, strings.Repeat("0a", 32))
	if err := writeBOM(file, bom, schema); err != nil {
		t.Fatal(err)
	}
	first := read(t, file)
	for _, want := range []string{
		`"pkg:golang/github.com/CycloneDX/cyclonedx-go@v`, `"pkg:golang/std@1.`, `"pkg:golang/example.org/new@v2.0.0%2Bincompatible"`, `"specVersion": "1.6"`,
		strings.Repeat("0a", 32),
	} {
		if !strings.Contains(first, want) {
			t.Errorf("%s is not in\n%s", want, first)
		}
	}
	if strings.Contains(first, "example.org/old") {
		t.Error("a module that was replaced is in it")
	}
	if err := writeBOM(file, describe(targets()[0], "1.2.3", info, strings.Repeat("0a", 32)), schema); err != nil || read(t, file) != first {
		t.Errorf("the second is another, %v", err)
	}
	(*bom.Metadata.Component.Hashes)[0].Value = "none"
	if err := writeBOM(file, bom, schema); err == nil {
		t.Error("the schema accepts anything")
	}
}

func TestSums(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "b"), "")
	write(t, filepath.Join(folder, "a"), "abc")
	for range 2 { // the second time the sums are there
		if err := writeSums(folder); err != nil {
			t.Fatal(err)
		}
	}
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n" +
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b\n"
	if got := read(t, filepath.Join(folder, sumsName)); got != want {
		t.Errorf("the sums are\n%swant\n%s", got, want)
	}
}

// TestLicences collects those of this test's own binary.
func TestLicences(t *testing.T) {
	folder := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(folder, "binary")); err != nil {
		t.Fatal(err)
	}
	if err := writeLicences(filepath.Join(repository, "tools"), folder); err != nil {
		t.Fatal(err)
	}
	text := read(t, filepath.Join(folder, licencesName))
	for _, want := range []string{"==== Go: LICENSE\n", "==== github.com/CycloneDX/cyclonedx-go v0.11.0: NOTICE\n", "==== github.com/santhosh-tekuri/jsonschema/v6 v"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(text, "versitygw") {
		t.Error("it has licences of modules that are not in the binary")
	}
}

// TestLicencesOfModulesWithoutAFile are those of readmes, or at least where to look.
func TestLicencesOfModulesWithoutAFile(t *testing.T) {
	var text bytes.Buffer
	dir := t.TempDir()
	if err := addLicences(&text, "example.org/a/b v1.0.0", dir); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "README.md"), "MIT License")
	write(t, filepath.Join(dir, "license.go"), "package b")
	if err := addLicences(&text, "example.org/a/b v1.0.0", dir); err != nil {
		t.Fatal(err)
	}
	const want = "==== example.org/a/b v1.0.0\n\nThe module comes without its licence, which is in its repository: https://example.org/a/b\n\n" +
		"==== example.org/a/b v1.0.0: README.md\n\nMIT License\n\n"
	if text.String() != want {
		t.Errorf("the licences are\n%swant\n%s", text.String(), want)
	}
}

// TestTheMakefileBuildsIt keeps `make release`, which the docs name.
func TestTheMakefileBuildsIt(t *testing.T) {
	if text := read(t, filepath.Join(repository, "Makefile")); !strings.Contains(text, "\tgo -C tools run ./release\n") {
		t.Error("make release does not run this command")
	}
	if ignored := read(t, filepath.Join(repository, ".gitignore")); !slices.Contains(strings.Split(ignored, "\n"), "/dist/") {
		t.Error("what it builds would be committed")
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
