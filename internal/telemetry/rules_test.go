package telemetry

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"go.yaml.in/yaml/v3"
)

const rulesFolder = "../../deploy/prometheus"

// TestAlertsNameMetrics checks that the alerts name only metrics that exist, and that each alert has a test.
func TestAlertsNameMetrics(t *testing.T) {
	known := map[string]bool{}
	for _, m := range Metrics {
		known[m.Prometheus()] = true
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(rulesFolder, "chatlake.rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(filepath.Join(rulesFolder, "chatlake.rules_test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			for _, name := range regexp.MustCompile(`\bchatlake_\w+`).FindAllString(rule.Expr, -1) {
				if named++; !known[name] {
					t.Errorf("%s asks for %s, which does not exist", rule.Alert, name)
				}
			}
			if !regexp.MustCompile(`alertname: ` + rule.Alert + `\n\s+exp_alerts`).Match(tests) {
				t.Errorf("%s has no test in which it fires", rule.Alert)
			}
			if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("%s does not say what is wrong and what to do", rule.Alert)
			}
		}
	}
	if named == 0 {
		t.Error("no alert names a metric: is the pattern wrong?")
	}
}

// TestAlerts runs the tests of the alerts where promtool of Prometheus is installed.
func TestAlerts(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed: it is part of Prometheus, in Debian of the package prometheus")
	}
	for _, args := range [][]string{{"check", "rules", "chatlake.rules.yaml"}, {"test", "rules", "chatlake.rules_test.yaml"}} {
		command := exec.CommandContext(t.Context(), promtool, args...)
		command.Dir = rulesFolder
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
