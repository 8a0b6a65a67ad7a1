// Command chatlake copies the conversations of customer-support platforms into a data lake.
//
// It reads flags, makes one call, and turns the outcome into an exit status.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/chatlake/chatlake/worker"
)

// version is set by the linker.
var version = ""

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	worker.Build = worker.BuildOf(version)
	worker.Quiet()
	worker.PaceCollector()
	a := &app{out: os.Stdout, log: os.Stderr}
	os.Exit(a.run(ctx, os.Args[1:]))
}
