package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/worker"
)

// Free space: a seal writes the files of a window into the scratch folder before they go to the lake.
const (
	littleSpace = 5 << 30
	noSpace     = 500 << 20
)

// examineFolders looks at the folders that this machine has to have.
func examineFolders(c worker.Config) []lake.Check {
	checks := []lake.Check{examineFolder("state", c.StateDir)}
	if _, err := os.Stat(c.Scratch()); err == nil { // it is made in the state folder
		checks = append(checks, examineFolder("scratch", c.Scratch()))
	}
	if folder, ok := strings.CutPrefix(c.Lake.URL, "file:"); ok {
		checks = append(checks, examineFolder("lake", folder))
	}
	return checks
}

// examineFolder writes into a folder, and asks how much more would fit. What was not there is gone again afterwards.
func examineFolder(name, folder string) lake.Check {
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		defer func() { _ = os.Remove(folder) }() // by then it is as empty as it was made
	}
	err := os.MkdirAll(folder, 0o755)
	if err == nil {
		err = tryFile(folder)
	}
	if err != nil {
		return lake.Check{Name: name, Level: lake.LevelFailed, Text: fmt.Sprintf("%s cannot be written: %v; give this user the right to, or name another folder", folder, err)}
	}
	free, known := freeSpace(folder)
	switch {
	case !known:
		return lake.Check{Name: name, Level: lake.LevelNote, Text: folder + " can be written; how much room it has is not known"}
	case free < noSpace:
		return lake.Check{Name: name, Level: lake.LevelFailed, Text: fmt.Sprintf("%s has only %s left; make room", folder, size(free))}
	case free < littleSpace:
		return lake.Check{Name: name, Level: lake.LevelWarning, Text: fmt.Sprintf("%s has %s left, which large windows may need; make room", folder, size(free))}
	}
	return lake.Check{Name: name, Level: lake.LevelOK, Text: fmt.Sprintf("%s can be written and has %s left", folder, size(free))}
}

func tryFile(folder string) error {
	f, err := os.CreateTemp(folder, ".doctor-")
	if err != nil {
		return err
	}
	_, err = f.WriteString("chatlake")
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
