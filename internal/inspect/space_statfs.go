//go:build linux || darwin

package inspect

import "syscall"

// freeSpace is how many bytes this user may still write into a folder.
func freeSpace(folder string) (int64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}
