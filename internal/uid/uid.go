// Package uid lets a process run under a uid that has no passwd entry: any in an image without that file, as ours is, and that of
// every OpenShift pod. The embedded Temporal server's telemetry asks os/user who owns the process, and the server does not start
// without an answer. Where there is no passwd entry, os/user takes it from USER and HOME in the environment, so this package sets
// what is missing of them. Import it for that alone.
//
// os/user keeps its first answer for good, and the AWS SDK asks while it is initialized. Go initializes a package as soon as those
// that it imports are; so this one imports nothing that needs os/user, nor much else.
package uid

import (
	"os"
	"strconv"
	"strings"
)

const passwdFile = "/etc/passwd"

var _ = complete()

// complete sets what os/user needs of the environment and does not find there.
func complete() bool {
	id := os.Getuid()
	if id < 0 { // Windows
		return false
	}
	passwd, _ := os.ReadFile(passwdFile) // one that cannot be read has no entry for os/user either
	if listed(string(passwd), id) {
		return false
	}
	for name, value := range map[string]string{"USER": strconv.Itoa(id), "HOME": "/"} { // as container engines have it
		if os.Getenv(name) == "" {
			_ = os.Setenv(name, value) // fails for malformed names only
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
