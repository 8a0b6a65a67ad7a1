package tests

import (
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v3"
)

// TestDeployedConfig compares deploy/chatlake.yaml with the compose file that mounts it: the binary accepts the file, and
// everything that it refers to exists.
func TestDeployedConfig(t *testing.T) {
	text, env := composeInput(t)
	project, err := loadCompose(text, env, []string{"*"})
	if err != nil {
		t.Fatal(err)
	}
	file, err := filepath.Abs(filepath.Join(top, "deploy", "chatlake.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	start(t, t.TempDir(), "config", "check", "--config", file).succeed(t)
	var config struct {
		StateDir string `yaml:"state_dir"`
		Temporal struct{ Address string }
		Lake     struct{ URL, Endpoint string }
		Accounts map[string]struct {
			BaseURL string `yaml:"base_url"`
			Token   string
		}
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(written, &config); err != nil {
		t.Fatal(err)
	}
	w := project.Services["worker"]
	if !slices.ContainsFunc(w.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == config.StateDir && !v.ReadOnly }) {
		t.Errorf("state_dir %s is no volume of the worker", config.StateDir)
	}
	host, _, err := net.SplitHostPort(config.Temporal.Address)
	if _, there := project.Services[host]; err != nil || !there {
		t.Errorf("temporal.address %s names no service", config.Temporal.Address)
	}
	place, err := url.Parse(config.Lake.URL)
	if made := project.Services["s3-bucket"].Command; err != nil || !slices.Equal(made, types.ShellCommand{place.Host}) {
		t.Errorf("lake.url is %s, and the bucket made is %v", config.Lake.URL, made)
	}
	addresses := []string{config.Lake.Endpoint}
	for name, account := range config.Accounts {
		addresses = append(addresses, account.BaseURL)
		variable := strings.TrimPrefix(account.Token, "env:")
		if w.Environment[variable] == nil {
			t.Errorf("the worker has no %s, which account %s needs", account.Token, name)
		}
	}
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if !serves(project.Services[u.Hostname()], u.Port()) {
			t.Errorf("%s is served by nobody", address)
		}
	}
}

// serves reports whether a service listens on a port according to its command or its environment.
func serves(s types.ServiceConfig, port string) bool {
	told := slices.Clone(s.Command)
	for _, value := range s.Environment {
		if value != nil {
			told = append(told, *value)
		}
	}
	return slices.ContainsFunc(told, func(word string) bool { return strings.HasSuffix(word, ":"+port) })
}

// TestSystemdUnit checks the unit: systemd accepts it where there is one, and it keeps what the program promises.
func TestSystemdUnit(t *testing.T) {
	file := filepath.Join(top, "deploy", "chatlake.service")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			keys[key] = value
		}
	}
	for key, want := range map[string]string{
		"ExecStart":                "/usr/local/bin/chatlake worker --config /etc/chatlake/chatlake.yaml",
		"WorkingDirectory":         "%S/" + keys["StateDirectory"], // state_dir is relative to it
		"RestartPreventExitStatus": "2",
		"Restart":                  "on-failure",
		"NoNewPrivileges":          "yes",
		"ProtectSystem":            "strict",
		"UMask":                    "0077",
	} {
		if keys[key] != want {
			t.Errorf("%s=%s, want %s", key, keys[key], want)
		}
	}
	words := strings.Fields(keys["ExecStart"])
	start(t, t.TempDir(), append(words[1:2:2], "--help")...).succeed(t)
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("systemd-analyze is not here, so systemd itself did not check the unit")
		return
	}
	out, _ := exec.Command(analyze, "verify", file).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "chatlake.service") && !strings.Contains(line, "is not executable") { // the program is not installed here
			t.Errorf("systemd: %s", strings.TrimSpace(line))
		}
	}
}
