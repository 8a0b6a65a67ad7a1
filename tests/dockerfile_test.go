package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// nonRoot matches a numeric user other than root. The group may be 0: OpenShift runs images with an arbitrary uid in group 0, so files
// there must be writable by that group.
var nonRoot = regexp.MustCompile(`^[1-9][0-9]*:[0-9]+$`)

// auditDockerfile returns what is wrong with a Dockerfile: copies of missing files, unpinned images, and a last stage that
// is more than a static binary run by an ordinary user.
func auditDockerfile(text, context string) []string {
	var complaints, stages []string
	var from, user string
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "FROM":
			from, user = words[1], ""
			if from != "scratch" && (!strings.Contains(from, ":") || strings.HasSuffix(from, ":latest")) {
				complaints = append(complaints, fmt.Sprintf("image %q is not pinned", from))
			}
			if len(words) == 4 {
				stages = append(stages, words[3])
			}
		case "USER":
			user = words[1]
		case "COPY":
			complaints = append(complaints, auditCopy(words[1:], stages, context)...)
		}
	}
	if from != "scratch" {
		complaints = append(complaints, fmt.Sprintf("the last stage is from %q, want scratch", from))
	}
	if !nonRoot.MatchString(user) {
		complaints = append(complaints, fmt.Sprintf("runs as %q, want a user and a group by number, and a user other than 0", user))
	}
	return complaints
}

func auditCopy(words, stages []string, context string) []string {
	var complaints []string
	staged := false
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		if stage, ok := strings.CutPrefix(words[0], "--from="); ok {
			staged = true
			if !slices.Contains(stages, stage) {
				complaints = append(complaints, fmt.Sprintf("copies from the stage %q, which is not there", stage))
			}
		}
		words = words[1:]
	}
	if staged || len(words) == 0 {
		return complaints
	}
	for _, source := range words[:len(words)-1] {
		if _, err := os.Stat(filepath.Join(context, source)); err != nil {
			complaints = append(complaints, fmt.Sprintf("copies %q, which is not there", source))
		}
	}
	return complaints
}

func TestAuditDockerfile(t *testing.T) {
	context := t.TempDir()
	if err := os.WriteFile(filepath.Join(context, "go.mod"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const sound = "FROM golang:1.26.8 AS build\nCOPY go.mod ./\nFROM scratch\nCOPY --from=build --chown=1:1 /x /x\nUSER 1:1\n"
	tests := []struct {
		name, old, new string
		want           []string
	}{
		{"sound", "", "", nil},
		{"moving image", "golang:1.26.8", "golang:latest", []string{`image "golang:latest" is not pinned`}},
		{"source that is not there", "go.mod ./", "go.mod \\\n go.work ./", []string{`copies "go.work", which is not there`}},
		{"stage that is not there", "--from=build", "--from=built", []string{`copies from the stage "built", which is not there`}},
		{"fat", "FROM scratch", "FROM debian:12", []string{`the last stage is from "debian:12", want scratch`}},
		{"a group of OpenShift", "USER 1:1", "USER 1:0", nil},
		{"root", "USER 1:1", "USER 0:0", []string{`runs as "0:0", want a user and a group by number, and a user other than 0`}},
		{"user of another stage only", "FROM scratch\nCOPY --from=build --chown=1:1 /x /x\nUSER 1:1", "USER 1:1\nFROM scratch", []string{`runs as "", want a user and a group by number, and a user other than 0`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := auditDockerfile(strings.Replace(sound, tt.old, tt.new, 1), context)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("complaints (-want +got):\n%s", diff)
			}
		})
	}
}
