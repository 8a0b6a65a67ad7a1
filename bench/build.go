package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// programs are the binaries of the contenders and of the platform, built without cgo, as shipped.
type programs struct {
	chatlake string
	self     string // this harness, for the platform and for the bare loop
	temporal string // a Temporal server on PostgreSQL; empty until it is needed
	folder   string
}

// here is the folder of the bench's source.
func here() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(file)
}

// build builds the binaries that every scenario needs.
func build(ctx context.Context, folder string) (*programs, error) {
	p := &programs{folder: folder}
	var err error
	if p.chatlake, err = p.compile(ctx, "chatlake", filepath.Dir(here()), "./cmd/chatlake"); err != nil {
		return nil, err
	}
	p.self, err = p.compile(ctx, "bench", here(), ".")
	return p, err
}

func (p *programs) compile(ctx context.Context, name, folder, of string) (string, error) {
	program := filepath.Join(p.folder, name)
	build := exec.CommandContext(ctx, "go", "build", "-o", program, of)
	build.Dir, build.Env = folder, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return program, nil
}
