// Package uid lets a process run under a uid without a passwd entry, which is every uid in an image without that file, such as ours,
// and the uid of every OpenShift pod. The telemetry of the embedded Temporal server looks up the current user with os/user, and the
// server does not start if that fails. Without a passwd entry, os/user uses the environment variables USER and HOME. This package
// sets those that are missing. Import it only for this effect.
//
// os/user caches its first result, and the AWS SDK calls it while it is initialized. Go initializes a package once its imports are
// initialized. So this package imports as little as possible, and nothing that needs os/user.
package uid

import (
	"os"
	"strconv"
	"strings"
)

const passwdFile = "/etc/passwd"

var _ = complete()

// complete sets the environment variables that os/user needs and that are missing.
func complete() bool {
	id := os.Getuid()
	if id < 0 { // Windows
		return false
	}
	passwd, _ := os.ReadFile(passwdFile) // if it cannot be read, os/user finds no entry in it either
	if listed(string(passwd), id) {
		return false
	}
	for name, value := range map[string]string{"USER": strconv.Itoa(id), "HOME": "/"} { // the values that container engines set
		if os.Getenv(name) == "" {
			_ = os.Setenv(name, value) // it can fail only for malformed names
		}
	}
	return true
}

// listed reports whether a passwd file has an entry for the uid.
func listed(passwd string, id int) bool {
	for line := range strings.Lines(passwd) {
		if fields := strings.Split(line, ":"); len(fields) > 6 && fields[2] == strconv.Itoa(id) {
			return true
		}
	}
	return false
}
