package worker

import (
	"fmt"
	"os"
	"runtime/debug"
)

// BuildOf names a program by the version that its build has set, or by that of its module.
func BuildOf(version string) string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// buildName tells builds apart: by their version, or without one by the size of the program and when it was written. It is empty if
// neither can be found out.
func buildName() string {
	if !unversioned[Build] {
		return Build
	}
	program, err := os.Executable()
	if err != nil {
		return ""
	}
	info, err := os.Stat(program)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("dev-%x-%x", info.Size(), info.ModTime().UnixNano())
}
