//go:build unix && !noembedded

package embedded_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// strangerUID has no passwd entry anywhere.
const strangerUID = 543210

// TestAUIDWithoutPasswdEntry starts a server in a process with such a uid, as in our image and in OpenShift's pods.
func TestAUIDWithoutPasswdEntry(t *testing.T) {
	info, _ := debug.ReadBuildInfo()
	if slices.Contains(info.Settings, debug.BuildSetting{Key: "CGO_ENABLED", Value: "1"}) {
		t.Skip("what is shipped is built without cgo, whose os/user does not look into the environment")
	}
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	for name, environment := range map[string][]string{"nothing is set": nil, "HOME is set": {"HOME=/var/lib/chatlake"}} {
		t.Run(name, func(t *testing.T) {
			parent, err := os.MkdirTemp("", "chatlake-uid-") // t.TempDir is below folders that only this user may enter
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(parent)
			binary := filepath.Join(parent, "test")
			text, err := os.ReadFile(os.Args[0])
			if err == nil {
				err = os.WriteFile(binary, text, 0o755)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(parent, 0o777); err != nil {
				t.Fatal(err)
			}
			child := exec.Command(binary)
			child.Dir = parent
			child.Env = append(environment, childDir+"="+filepath.Join(parent, "state"))
			child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: strangerUID, Gid: strangerUID, NoSetGroups: false}}
			var said strings.Builder
			child.Stderr = &said
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			exited := make(chan error, 1)
			go func() { exited <- child.Wait() }()
			defer func() {
				_ = child.Process.Kill()
				if t.Failed() {
					t.Log(said.String())
				}
			}()
			waitFor(t, exited, filepath.Join(parent, "state", childDone))
		})
	}
}
