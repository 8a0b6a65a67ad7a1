package simulator

import (
	"net/http"
	"time"
)

// A Platform is what the folder of a fake exports for everything that serves an account of every platform.
type Platform struct {
	Provider string // as in configurations
	Title    string // as its makers write it
	Account  Account
	// Site makes an account that has the conversations of a corpus.
	Site func(*Corpus, Conduct) http.Handler
}

// An Account is how a configuration describes the account that a Platform serves, except for its address.
type Account struct {
	ID      string // empty where the platform has none
	Token   string
	Secrets map[string]string
	Options map[string]string
}

// Conduct is how a simulated platform answers.
type Conduct struct {
	Token   string           // the only token that it accepts
	Latency time.Duration    // of each answer
	Limit   float64          // requests per second above which it answers 429, 0 for none
	Now     func() time.Time // time.Now if nil
}

// Burst is how many requests come through at once where there is a Limit.
func (c Conduct) Burst() int { return int(max(1, c.Limit)) }
