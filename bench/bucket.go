package main

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/ledger/s3test"
)

// bucket starts a real S3 server for the run.
func (s *stage) bucket() (c ledger.Config, err error) {
	t := &stand{ctx: context.Background()}
	s.free = append(s.free, t.end)
	defer func() {
		if said := recover(); said != nil {
			failed, ok := said.(failure)
			if !ok {
				panic(said)
			}
			err = failed
		}
	}()
	server := s3test.Start(t)
	return ledger.Config{
		URL: "s3://" + server.Bucket + "/chatlake", Endpoint: server.Endpoint, Region: server.Region, PathStyle: true,
		AccessKey: server.AccessKey, SecretKey: server.SecretKey,
	}, nil
}

// stand replaces the testing.TB that such a server expects. Its cleanup runs on request.
type stand struct {
	testing.TB // nil: methods that stand lacks are never called
	ctx        context.Context
	cleanups   []func()
}

// failure is a panic of a stand.
type failure string

func (f failure) Error() string { return string(f) }

func (t *stand) Helper()                      {}
func (t *stand) Context() context.Context     { return t.ctx }
func (t *stand) Cleanup(f func())             { t.cleanups = append(t.cleanups, f) }
func (t *stand) Logf(string, ...any)          {}
func (t *stand) Fatal(args ...any)            { panic(failure(fmt.Sprint(args...))) }
func (t *stand) Fatalf(f string, args ...any) { panic(failure(fmt.Sprintf(f, args...))) }

func (t *stand) TempDir() string {
	dir, err := os.MkdirTemp("", "chatlake-bench-s3-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (t *stand) end() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
	t.cleanups = nil
}
