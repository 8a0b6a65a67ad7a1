package operate

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// checkFolderEvery is how often the state folder is tried, and enough the bytes that the embedded server needs there to go on.
const (
	checkFolderEvery = 5 * time.Second
	enough           = 1 << 20
)

// roomWatch looks whether the embedded server can still write to the state folder.
type roomWatch struct {
	folder string // empty where the server is elsewhere
	try    func(folder string) error
	looked time.Time
	wait   *workflows.Waiting
}

func newRoomWatch(c worker.Config) *roomWatch {
	w := &roomWatch{try: tryRoom}
	if c.Temporal == nil {
		w.folder = c.StateDir
	}
	return w
}

// look is what the embedded server waits for: nil while its folder can be written.
func (f *roomWatch) look(now time.Time) *workflows.Waiting {
	if f.folder == "" || now.Sub(f.looked) < checkFolderEvery {
		return f.wait
	}
	f.looked = now
	err := f.try(f.folder)
	if err == nil {
		f.wait = nil
		return nil
	}
	since := now
	if f.wait != nil {
		since = f.wait.Since
	}
	f.wait = &workflows.Waiting{For: workflows.ForStateFolder, Why: fmt.Sprintf("%s cannot be written: %v", f.folder, err), Since: since}
	return f.wait
}

// tryRoom writes a file into a folder, and removes it.
func tryRoom(folder string) error {
	f, err := os.CreateTemp(folder, ".room-")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, enough))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
