package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/chatlake/chatlake/worker"
)

// A Refusal says why a demo leaves a folder alone, and what to do. Nothing was changed.
type Refusal struct{ text string }

func (r *Refusal) Error() string { return r.text }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// markerName is the file by which a demo recognises a folder of its own. A demo writes into and removes from no other folder.
const markerName = "chatlake-demo.json"

// marker is what a demo remembers of its folder.
type marker struct {
	dir string

	// Ports are those of the simulated accounts, by provider: a lake does not adopt what it has of another address.
	Ports map[string]int `json:"ports"`
	// Accounts are all that demos copied into the lake of the folder.
	Accounts []string `json:"accounts"`
	// Configs are the SHA-256 digests of the configuration file as demos wrote it, the last one and the one before.
	Configs []string `json:"configs"`
}

// claim returns the marker of a demo's folder, and makes one in a folder that is empty or does not exist. It refuses any other
// folder, and changes nothing in it.
func claim(dir string) (*marker, error) {
	m, err := readMarker(dir)
	if m != nil || err != nil {
		return m, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder for the demo: %w", err)
	}
	m = &marker{dir: dir}
	return m, m.save()
}

// readMarker returns nil for a folder that is empty or does not exist.
func readMarker(dir string) (*marker, error) {
	text, err := os.ReadFile(filepath.Join(dir, markerName))
	if err == nil {
		m := &marker{dir: dir}
		if err := json.Unmarshal(text, m); err != nil {
			return nil, refuse("--dir: %s cannot be read as the marker of a demo's folder; name another folder, or remove %s by hand", filepath.Join(dir, markerName), dir)
		}
		return m, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, refuse("--dir: look for the marker of a demo's folder: %v", err)
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && len(entries) == 0:
		return nil, nil
	case err != nil:
		return nil, refuse("--dir: %v", err)
	}
	return nil, refuse("--dir: %s holds files and no %s, so no demo made it; nothing was changed. Name a folder that is empty or does not exist", dir, markerName)
}

func (m *marker) save() error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err == nil {
		err = replaceFile(filepath.Join(m.dir, markerName), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("mark the folder as a demo's: %w", err)
	}
	return nil
}

// own refuses a configuration file that a person changed: a demo writes it anew.
func (m *marker) own() error {
	name := filepath.Join(m.dir, ConfigName)
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the demo's configuration: %w", err)
	}
	if !slices.Contains(m.Configs, digest(text)) {
		return refuse("%s is not as a demo wrote it, and a demo would write over it; move it elsewhere, or name another --dir", name)
	}
	return nil
}

// writeConfig replaces the configuration file. The marker knows both versions at every moment, so that a process that is
// killed meanwhile leaves a file that is known.
func (m *marker) writeConfig(text []byte) error {
	if err := m.own(); err != nil {
		return err
	}
	m.Configs = append(m.Configs, digest(text))
	m.Configs = slices.Compact(m.Configs[max(0, len(m.Configs)-2):])
	if err := m.save(); err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(m.dir, ConfigName), text); err != nil {
		return fmt.Errorf("write a configuration for other commands: %w", err)
	}
	return nil
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// replaceFile writes a file that is there whole or not at all.
func replaceFile(name string, text []byte) error {
	if err := os.WriteFile(name+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// Remove removes what demos made in a folder of theirs, and nothing else. It refuses a folder that no demo made, one that
// another process uses, and one in which real work was done since.
func Remove(ctx context.Context, dir string) error {
	m, err := readMarker(dir)
	if m == nil || err != nil {
		return err
	}
	err = worker.Alone(dir, func() error {
		if err := errors.Join(m.own(), m.onlyDemos(ctx)); err != nil {
			return err
		}
		return m.remove()
	})
	if errors.Is(err, worker.ErrInUse) {
		return refuse("another chatlake process works in %s; stop it first", dir)
	}
	return err
}

// onlyDemos refuses a lake that holds accounts which no demo copied.
func (m *marker) onlyDemos(ctx context.Context) error {
	if _, err := os.Stat(lakeFolder(m.dir)); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	l, err := worker.OpenLake(ctx, worker.Config{StateDir: m.dir, Lake: worker.LakeConfig{URL: "file:" + lakeFolder(m.dir)}})
	if err != nil {
		return err
	}
	accounts, err := l.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		if !slices.Contains(m.Accounts, account) {
			return refuse("%s holds the account %s, which no demo copied; nothing was removed. Name another --dir", lakeFolder(m.dir), account)
		}
	}
	return nil
}

// remove keeps the marker until the rest is gone, so that a removal that was interrupted can be repeated.
func (m *marker) remove() error {
	made, err := filepath.Glob(filepath.Join(m.dir, "temporal*.db*"))
	if err != nil {
		return err
	}
	for _, name := range []string{"lake", "scratch", viewsName, ConfigName} {
		made = append(made, filepath.Join(m.dir, name))
	}
	for _, name := range made {
		if err := os.RemoveAll(name); err != nil {
			return fmt.Errorf("remove what earlier demos left: %w", err)
		}
	}
	return (&marker{dir: m.dir}).save()
}
