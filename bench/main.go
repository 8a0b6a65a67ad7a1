// Command bench runs chatlake and its contenders on the same simulated account, one after the other, and reports what each
// cost. docs/bench.md explains the figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is the program, in one of its five roles.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	if len(args) == 2 {
		switch args[0] {
		case "sim":
			return simulateMain(args[1])
		case "bare":
			return bareMain(ctx, args[1])
		case "script":
			return scriptMain(ctx, args[1])
		case "benthos":
			return benthosMain(ctx, args[1])
		}
	}
	o, err := readOptions(args, log)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if o.list {
		return writeList(out, named())
	}
	return o.bench(ctx, out, log)
}
