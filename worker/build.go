package worker

import "runtime/debug"

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
