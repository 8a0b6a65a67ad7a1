package inspect

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
)

// Free space: a seal writes the files of a window into the scratch folder before they go to the lake.
const (
	littleSpace = 5 << 30
	noSpace     = 500 << 20
)

// examineFolders looks at the folders that this machine has to have.
func examineFolders(c worker.Config) []Check {
	checks := []Check{examineFolder("state", c.StateDir)}
	if _, err := os.Stat(c.Scratch()); err == nil { // it is made in the state folder
		checks = append(checks, examineFolder("scratch", c.Scratch()))
	}
	if folder, ok := ledger.Folder(c.Lake.URL); ok {
		checks = append(checks, examineFolder("lake", folder))
	}
	return checks
}

// examineFolder writes into a folder, and asks how much more would fit. What was not there is gone again afterwards.
func examineFolder(name, folder string) Check {
	remove, err := worker.MakeFolder(folder)
	defer remove()
	if err == nil {
		err = tryFile(folder)
	}
	if err != nil {
		return Check{Name: name, Level: LevelFailed, Text: fmt.Sprintf("%s cannot be written: %v; give this user the right to, or name another folder", folder, err)}
	}
	free, known := freeSpace(folder)
	switch {
	case !known:
		return Check{Name: name, Level: LevelNote, Text: folder + " can be written; how much room it has is not known"}
	case free < noSpace:
		return Check{Name: name, Level: LevelFailed, Text: fmt.Sprintf("%s has only %s left; make room", folder, words.Size(free))}
	case free < littleSpace:
		return Check{Name: name, Level: LevelWarning, Text: fmt.Sprintf("%s has %s left, which large windows may need; make room", folder, words.Size(free))}
	}
	if exposed := readableByOthers(folder); len(exposed) > 0 {
		return Check{Name: name, Level: LevelWarning, Text: fmt.Sprintf(
			"every user of this machine can read conversations or state in %s: chmod -R go= %s", folder, strings.Join(exposed, " "))}
	}
	return Check{Name: name, Level: LevelOK, Text: fmt.Sprintf("%s can be written and has %s left", folder, words.Size(free))}
}

// readableByOthers are the files and folders of a lake, of the state or of scratch in a folder that every user can read. chatlake makes
// them for their owner only; those of earlier builds keep their modes. Whatever else is in the folder is not chatlake's.
func readableByOthers(folder string) (exposed []string) {
	const enter, read = 0o001, 0o004
	folder, err := filepath.Abs(folder)
	if err != nil || runtime.GOOS == "windows" { // which has no such modes
		return nil
	}
	for at := folder; ; at = filepath.Dir(at) {
		if info, err := os.Stat(at); err != nil || info.Mode()&enter == 0 {
			return nil
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	for _, pattern := range []string{"data", "_ledger", "_staging", "_exports", ".tmp", "*.db*", "*.log"} {
		found, _ := filepath.Glob(filepath.Join(literal(folder), pattern)) // the pattern is a constant
		for _, path := range found {
			if info, err := os.Stat(path); err == nil && info.Mode()&read != 0 && (!info.IsDir() || info.Mode()&enter != 0) {
				exposed = append(exposed, path)
			}
		}
	}
	return exposed
}

func tryFile(folder string) error {
	f, err := os.CreateTemp(folder, ".doctor-")
	if err != nil {
		return err
	}
	_, err = f.WriteString("chatlake")
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
