package tests

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// top is the root of the repository.
const top = ".."

func TestCompose(t *testing.T) {
	text, env := composeInput(t)
	for _, profiles := range [][]string{nil, {"demo"}, {"*"}} {
		t.Run(strings.Join(profiles, ","), func(t *testing.T) {
			project, err := loadCompose(text, env, profiles)
			if err != nil {
				t.Fatal(err)
			}
			for _, complaint := range audit(project) {
				t.Error(complaint)
			}
			if profiles == nil && len(project.DisabledServices) == 0 {
				t.Error("the simulator starts without its profile")
			}
		})
	}
}

func TestComposeNeedsEverySecret(t *testing.T) {
	text, env := composeInput(t)
	for name := range env {
		less := types.Mapping{}
		for k, v := range env {
			if k != name {
				less[k] = v
			}
		}
		if _, err := loadCompose(text, less, []string{"*"}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s of .env.example: error %v, want one that names it", name, err)
		}
	}
}

// Each row breaks the file in one way that the audit must notice.
func TestComposeMistakesAreFound(t *testing.T) {
	text, env := composeInput(t)
	tests := []struct{ name, old, new string }{
		{"misspelt key", "healthcheck:", "healtcheck:"},
		{"dependency that is not there", "      temporal-schema:\n        condition", "      temporal-schemas:\n        condition"},
		{"volume that is not there", "- s3:/data", "- s4:/data"},
		{"volume that nobody uses", "volumes:\n  grafana:\n", "volumes:\n  attic:\n  grafana:\n"},
		{"network that is not there", "    image: versity", "    networks: [attic]\n    image: versity"},
		{"env file that is not there", "    image: versity", "    env_file: attic.env\n    image: versity"},
		{"mount that is not there", "./deploy/bucket.sh:", "./deploy/buckets.sh:"},
		{"writable mount", "bucket.sh:ro", "bucket.sh"},
		{"image without a tag", "versitygw:v1.8.0", "versitygw"},
		{"image with a moving tag", "versitygw:v1.8.0", "versitygw:latest"},
		{"waiting for an end that never comes", "      s3:\n        condition: service_healthy", "      s3:\n        condition: service_completed_successfully"},
		{"waiting for the health of what ends", "      s3-bucket:\n        condition: service_completed_successfully", "      s3-bucket:\n        condition: service_healthy"},
		{"not waiting at all", "      s3:\n        condition: service_healthy", "      s3:\n        condition: service_started"},
		{"one-shot that nobody waits for", "      s3-bucket:\n        condition: service_completed_successfully\n", ""},
		{"open to the world", "127.0.0.1:7070:7070", "7070:7070"},
		{"one-shot that starts over for ever", "command: [chatlake]\n    restart: on-failure:5", "command: [chatlake]\n    restart: always"},
		{"Dockerfile that is not there", "dockerfile: deploy/Dockerfile", "dockerfile: deploy/Containerfile"},
		{"unknown profile's service needed", "      s3-bucket:\n        condition", "      simulator:\n        condition"},
		{"writable root", "read_only: true", "read_only: false"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			broken := bytes.Replace(text, []byte(tt.old), []byte(tt.new), 1)
			if bytes.Equal(broken, text) {
				t.Fatalf("the file has no %q to break", tt.old)
			}
			project, err := loadCompose(broken, env, nil)
			if err == nil && len(audit(project)) == 0 {
				t.Error("nothing was found wrong")
			}
		})
	}
}

func composeInput(t *testing.T) ([]byte, types.Mapping) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	env, err := dotenv.Read(filepath.Join(top, "deploy", ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	return text, env
}

func loadCompose(text []byte, env types.Mapping, profiles []string) (*types.Project, error) {
	root, err := filepath.Abs(top)
	if err != nil {
		return nil, err
	}
	return loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir:  root,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(root, "docker-compose.yml"), Content: text}},
		Environment: env,
	}, loader.WithProfiles(profiles), func(o *loader.Options) {
		o.SetProjectName("chatlake", true)
		o.ResolvePaths = true
	})
}

// audit returns what is wrong with a project that the loader accepts.
func audit(project *types.Project) []string {
	var complaints []string
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	used, awaited := map[string]bool{}, map[string]bool{}
	for name, s := range project.Services {
		ends := endsByItself(s)
		if ends == (s.HealthCheck != nil) {
			complain("%s: a service has a health check, or it ends by itself and restarts on failure only", name)
		}
		for on, d := range s.DependsOn {
			awaited[on] = true
			want := types.ServiceConditionHealthy
			if endsByItself(project.Services[on]) {
				want = types.ServiceConditionCompletedSuccessfully
			}
			if d.Condition != want {
				complain("%s depends on %s with %s, want %s", name, on, d.Condition, want)
			}
		}
		if _, tag, _ := strings.Cut(s.Image, ":"); tag == "" || tag == "latest" {
			complain("%s: image %q is not pinned", name, s.Image)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				complain("%s: port %s is open to other machines", name, p.Published)
			}
		}
		for _, v := range s.Volumes {
			used[v.Source] = true
			if v.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil || !v.ReadOnly {
				complain("%s mounts %s, which is not there or may be written to", name, v.Source)
			}
		}
		for key, value := range s.Environment {
			if value == nil {
				complain("%s: %s has no value", name, key)
			}
		}
		if s.Build != nil {
			complaints = append(complaints, auditBuild(name, s)...)
		}
	}
	for name, s := range project.Services {
		if endsByItself(s) && !awaited[name] {
			complain("nobody waits for %s: `up --wait` would call its end a failure", name)
		}
	}
	for _, s := range project.DisabledServices { // a profile that is off may have volumes
		for _, v := range s.Volumes {
			used[v.Source] = true
		}
	}
	for name := range project.Volumes {
		if !used[name] {
			complain("nobody mounts the volume %s", name)
		}
	}
	slices.Sort(complaints)
	return complaints
}

func endsByItself(s types.ServiceConfig) bool {
	return strings.HasPrefix(s.Restart, types.RestartPolicyOnFailure)
}

// auditBuild checks a service that uses our own image.
func auditBuild(name string, s types.ServiceConfig) []string {
	var complaints []string
	if !s.ReadOnly || !slices.Contains(s.CapDrop, "ALL") {
		complaints = append(complaints, name+": our image runs on a read-only root and without capabilities")
	}
	text, err := os.ReadFile(filepath.Join(s.Build.Context, s.Build.Dockerfile))
	if err != nil {
		return append(complaints, fmt.Sprintf("%s: %v", name, err))
	}
	for _, c := range auditDockerfile(string(text), s.Build.Context) {
		complaints = append(complaints, fmt.Sprintf("%s: %s: %s", name, s.Build.Dockerfile, c))
	}
	return complaints
}
