package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	sumsName     = "SHA256SUMS"
	licencesName = "THIRD_PARTY_LICENSES.txt"
	bomSuffix    = ".cdx.json"
)

func digest(file string) (string, error) {
	in, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer in.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, in); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// writeSums writes the sums of all files of a folder as `sha256sum --check` reads them.
func writeSums(folder string) error {
	entries, err := os.ReadDir(folder) // by name
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, e := range entries {
		if e.Name() == sumsName {
			continue
		}
		sum, err := digest(filepath.Join(folder, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%s  %s\n", sum, e.Name())
	}
	return os.WriteFile(filepath.Join(folder, sumsName), []byte(text.String()), 0o644)
}

// licenceFile is how the files are named that must go with copies of a module.
var licenceFile = regexp.MustCompile(`(?i)^(licen[sc]e|copying|copyright|notice|patents)([._-].*)?$`)

// writeLicences collects the licences of all modules that are in the binaries of a folder, and of Go.
func writeLicences(root, folder string) error {
	modules := map[string]bool{}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := buildinfo.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			continue // no binary
		}
		for _, dep := range info.Deps {
			if dep.Replace != nil {
				dep = dep.Replace
			}
			modules[dep.Path+" "+dep.Version] = true
		}
	}
	list := exec.Command("go", "list", "-m", "-f", "{{.Path}} {{.Version}}\t{{.Dir}}", "all")
	list.Dir, list.Stderr = root, os.Stderr
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("list modules: %w", err)
	}
	var text bytes.Buffer
	env := exec.Command("go", "env", "GOROOT")
	env.Dir, env.Stderr = root, os.Stderr
	goroot, err := env.Output()
	if err != nil {
		return fmt.Errorf("find Go: %w", err)
	}
	if err := addLicences(&text, "Go", strings.TrimSpace(string(goroot))); err != nil {
		return err
	}
	for line := range strings.Lines(string(out)) {
		module, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if modules[module] {
			delete(modules, module)
			if err := addLicences(&text, module, dir); err != nil {
				return err
			}
		}
	}
	if len(modules) > 0 {
		return fmt.Errorf("of these modules the licences were not found: %v", modules)
	}
	return os.WriteFile(filepath.Join(folder, licencesName), text.Bytes(), 0o644)
}

// readme may hold the licence of a module that has no file for it.
var readme = regexp.MustCompile(`(?i)^readme([._-].*)?$`)

func addLicences(text *bytes.Buffer, module, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	named := func(pattern *regexp.Regexp) (names []string) {
		for _, e := range entries {
			if !e.IsDir() && filepath.Ext(e.Name()) != ".go" && pattern.MatchString(e.Name()) {
				names = append(names, e.Name())
			}
		}
		return names
	}
	names := named(licenceFile)
	if len(names) == 0 {
		names = named(readme)
	}
	if len(names) == 0 {
		path, _, _ := strings.Cut(module, " ")
		fmt.Fprintf(text, "==== %s\n\nThe module comes without its licence, which is in its repository: https://%s\n\n", module, path)
	}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(text, "==== %s: %s\n\n%s\n\n", module, name, bytes.TrimSpace(content))
	}
	return nil
}
