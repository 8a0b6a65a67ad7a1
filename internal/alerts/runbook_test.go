package alerts

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/chatlake/chatlake/internal/operate"
)

// TestRunbook checks that docs/runbook.md has a place for every rule for Prometheus, every kind of alert and every kind of block, and that what
// points to it finds it.
func TestRunbook(t *testing.T) {
	text, err := os.ReadFile("../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]string{} // of headings, with their text
	for _, section := range strings.Split(string(text), "\n### ")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		body, _, _ = strings.Cut(body, "\n## ")
		anchors[anchorOf(title)] = body
	}
	has := func(what, anchor, says string) {
		t.Helper()
		if body, ok := anchors[anchor]; !ok || !strings.Contains(body, says) || len(body) < 40 {
			t.Errorf("%s: the runbook has no section %s that says %q", what, anchor, says)
		}
		delete(anchors, anchor)
	}
	for _, kind := range operate.BlockedKinds() {
		has(kind, anchorOf("Blocked: "+kind), "")
	}
	for _, k := range Kinds {
		has(k.Name, strings.TrimPrefix(Runbook(k.Name), "docs/runbook.md#"), k.Rule+".")
		anchors[k.Name] = "*Prometheus: " + k.Rule + ".*" + strings.Repeat(" ", 80) // its rule looks for it too
	}
	rules, err := os.ReadFile("../../deploy/prometheus/chatlake.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert       string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(rules, &file); err != nil {
		t.Fatal(err)
	}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			_, anchor, _ := strings.Cut(rule.Annotations["runbook_url"], "/docs/runbook.md#")
			has(rule.Alert, anchor, "*Prometheus: "+rule.Alert+".*")
		}
	}
	for left := range anchors {
		t.Errorf("the section %s of the runbook is about nothing", left)
	}
	headings := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^##+ (.*)$`).FindAllStringSubmatch(string(text), -1) {
		headings[anchorOf(heading[1])] = true
	}
	for _, link := range regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(string(text), -1) {
		if !headings[link[1]] {
			t.Errorf("the link #%s leads nowhere", link[1])
		}
	}
}

// anchorOf is the anchor of a heading, as GitHub makes it.
func anchorOf(heading string) string {
	return strings.ReplaceAll(strings.ToLower(strings.ReplaceAll(heading, ":", "")), " ", "-")
}
