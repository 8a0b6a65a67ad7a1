// Command release builds what a release consists of into dist/: binaries for all targets, a software bill of materials for
// each, the licences of what is in them, and SHA256SUMS.
//
//	go -C tools run ./release           all
//	go -C tools run ./release -list     only the names
//	go -C tools run ./release -only X   the binaries whose names contain X; the sums are of all that are in dist/ then
//
// Two runs at the same commit with the same tags give the same bytes, on any machine. It must import nothing of chatlake.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	list := flag.Bool("list", false, "print the names of the binaries and build nothing")
	only := flag.String("only", "", "build the binaries whose names contain this")
	flag.Parse()
	if err := run(*list, *only); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// root is the main module, seen from the module that this command is run in.
const root = ".."

func run(list bool, only string) error {
	version, err := readVersion(root)
	if err != nil {
		return err
	}
	targets := targets()
	if list {
		for _, t := range targets {
			fmt.Println(t.name(version))
		}
		return nil
	}
	if err := checkTree(root, version); err != nil {
		return err
	}
	folder, err := filepath.Abs(filepath.Join(root, "dist"))
	if err != nil {
		return err
	}
	if only == "" { // what an earlier run built is not of this release
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	schema, err := bomSchema()
	if err != nil {
		return err
	}
	for _, t := range targets {
		if name := t.name(version); strings.Contains(name, cmp.Or(only, name)) {
			began := time.Now()
			if err := t.make(folder, version, schema); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			info, err := os.Stat(filepath.Join(folder, name))
			if err != nil {
				return err
			}
			fmt.Printf("%s: %.1f MB, %.0f s\n", name, float64(info.Size())/1e6, time.Since(began).Seconds())
		}
	}
	if err := writeLicences(root, folder); err != nil {
		return err
	}
	return writeSums(folder)
}
