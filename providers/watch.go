package providers

import "context"

// Attempt is a request that is about to be sent to a platform.
type Attempt struct {
	// Op is what the request does, as in errors. It may contain an id, which a Watch must not pass on.
	Op     string
	Method string
	Host   string // without the port
	Port   int    // 0 is the usual one of the scheme
}

// Outcome is what became of an Attempt.
type Outcome struct {
	Status int // 0 if there was no answer
	// Failure is the kind of error, one of few words such as "timeout"; empty if the answer can be used.
	Failure string
	// Tolerated is the rate in requests per second that the platform has been seen to tolerate from this process; 0 means that it has
	// not refused any.
	Tolerated float64
	// Stopped reports whether the account is stopped, because the platform refused too many requests in a row.
	Stopped bool
}

// Watch is told of every attempt before it is sent. The request is sent with the returned context, and ended is called once when its
// outcome is known. A Watch must be safe for concurrent use.
type Watch func(ctx context.Context, a Attempt) (sent context.Context, ended func(Outcome))
