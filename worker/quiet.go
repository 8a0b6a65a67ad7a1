package worker

import (
	"io"
	"log"

	"google.golang.org/grpc/grpclog"
)

// Quiet silences the loggers that libraries write to standard error with: net/http quotes there what servers sent, and gRPC
// what connections said. What matters comes back as an error. It is called once, before anything is connected.
func Quiet() {
	log.SetOutput(io.Discard)
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
}
