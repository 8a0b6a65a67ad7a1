//go:build !noembedded

package embedded

import (
	"context"
	"path"
	"strings"

	"google.golang.org/grpc"
)

// polls ends the requests that wait for something to happen, once the server is to stop. The server would wait a second for them: the
// workers of its own namespace keep asking for tasks until it is gone.
type polls struct {
	stopping context.Context
	stop     context.CancelFunc
}

func newPolls() *polls {
	p := &polls{}
	p.stopping, p.stop = context.WithCancel(context.Background())
	return p
}

// intercept implements grpc.UnaryServerInterceptor. It leaves alone whatever changes a workflow.
func (p *polls) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if !waits(info.FullMethod) {
		return handler(ctx, request)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.stopping, cancel)()
	return handler(ctx, request)
}

// waits reports whether a method may answer long after it was asked. Whoever asked can ask again.
func waits(method string) bool {
	name := path.Base(method)
	return strings.HasPrefix(name, "Poll") || name == "GetWorkflowExecutionHistory"
}
