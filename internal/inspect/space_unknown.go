//go:build !linux && !darwin

package inspect

// freeSpace is not asked for on this system.
func freeSpace(string) (int64, bool) { return 0, false }
