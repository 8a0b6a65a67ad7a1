package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// target is one binary of a release.
type target struct {
	os, arch string
	// worker leaves the Temporal server out: for machines that work for a cluster.
	worker bool
}

func targets() (all []target) {
	for _, worker := range []bool{false, true} {
		for _, system := range []string{"linux", "darwin"} {
			for _, arch := range []string{"amd64", "arm64"} {
				all = append(all, target{system, arch, worker})
			}
		}
	}
	return all
}

func (t target) name(version string) string {
	program := "chatlake"
	if t.worker {
		program += "-worker"
	}
	return program + "_" + version + "_" + t.os + "_" + t.arch
}

// args are those of the go command.
func (t target) args(version, out string) []string {
	args := []string{"build", "-trimpath", "-buildvcs=true", "-ldflags", "-s -w -X main.version=" + version, "-o", out}
	if t.worker {
		args = append(args, "-tags", "noembedded")
	}
	return append(args, "./cmd/chatlake")
}

// env takes out of the environment all that would make another binary.
func (t target) env(toolchain string) []string {
	return append(os.Environ(),
		"CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off", "GOTOOLCHAIN="+toolchain)
}

// serverOnly is what a binary without the Temporal server must not contain.
var serverOnly = []string{"go.temporal.io/server", "github.com/temporalio/ui-server/v2", "modernc.org/sqlite"}

// make builds the binary, looks whether it is what was wanted, and describes it.
func (t target) make(folder, version string, schema *jsonschema.Schema) error {
	toolchain, err := toolchain(root)
	if err != nil {
		return err
	}
	file := filepath.Join(folder, t.name(version))
	build := exec.Command("go", t.args(version, file)...)
	build.Dir, build.Env, build.Stderr = root, t.env(toolchain), os.Stderr
	if err := build.Run(); err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return err
	}
	if info.GoVersion != toolchain {
		return fmt.Errorf("built by %s, not by %s", info.GoVersion, toolchain)
	}
	for _, dep := range info.Deps {
		for _, path := range serverOnly {
			if t.worker && dep.Path == path {
				return fmt.Errorf("%s is in it", path)
			}
		}
	}
	sum, err := digest(file)
	if err != nil {
		return err
	}
	return writeBOM(file+".cdx.json", describe(t, version, info, sum), schema)
}

var (
	semantic  = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)
	heading   = regexp.MustCompile(`(?m)^## (.*)$`)
	goVersion = regexp.MustCompile(`(?m)^go (\d+\.\d+\.\d+)$`)
)

// readVersion is what VERSION says, if the changelog agrees.
func readVersion(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "VERSION"))
	if err != nil {
		return "", err
	}
	version := strings.TrimSpace(string(text))
	if !semantic.MatchString(version) {
		return "", fmt.Errorf("VERSION holds %q, which is no semantic version", version)
	}
	changes, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		return "", err
	}
	if top := heading.FindSubmatch(changes); top == nil || !strings.HasPrefix(string(top[1]), version+" (") {
		return "", fmt.Errorf("the topmost section of CHANGELOG.md is not %s: %q", version, top)
	}
	return version, nil
}

// toolchain is the version of Go that go.mod asks for.
func toolchain(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", err
	}
	found := goVersion.FindSubmatch(text)
	if found == nil {
		return "", errors.New("go.mod names no version of Go with three numbers")
	}
	return "go" + string(found[1]), nil
}

// checkTree refuses a tree with changes: nobody could build the same from it. A commit without the tag can be built to try, and
// the binary says which commit it is of.
func checkTree(root, version string) error {
	changes, err := git(root, "status", "--porcelain")
	if err != nil {
		return err
	}
	if changes != "" {
		return fmt.Errorf("there are changes that are not committed:\n%s", changes)
	}
	tags, err := git(root, "tag", "--points-at", "HEAD", "v"+version)
	if err == nil && tags == "" {
		fmt.Fprintf(os.Stderr, "release: this commit has no tag v%s; set it before you publish what is built\n", version)
	}
	return err
}

func git(root string, args ...string) (string, error) {
	command := exec.Command("git", args...)
	command.Dir, command.Stderr = root, os.Stderr
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}
