package worker

import (
	"io"
	"log"

	"google.golang.org/grpc/grpclog"
)

// Quiet silences the loggers of libraries that write to standard error: net/http quotes what servers sent, and gRPC what
// connections reported. Whatever matters is also returned as an error. Call it once, before any connection is made.
func Quiet() {
	log.SetOutput(io.Discard)
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
}
