// Package providertest is the contract of package providers as tests: what an export relies on, asked of a provider and
// the platform that it reads, served by a fake.
//
// It must not know any provider or any fake.
package providertest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Case is one provider with a platform to read.
type Case struct {
	// Platform makes the fake anew, with the same conversations every time.
	Platform func(t *testing.T) Platform
	// Open makes the reader of the platform served at a base URL. Its token has to be Secret.
	Open func(t *testing.T, baseURL string) providers.Reader
	// Mapper makes rows of what Open's reader reads.
	Mapper providers.Mapper
	// Window holds all conversations of the platform, twenty at least on several pages.
	Window schemas.Window
	// Conversations are the ids of all of them, in any order.
	Conversations []string
	// MessagesListed says that the list carries all messages, so that fetching them asks for nothing.
	MessagesListed bool
}

// Platform is a fake that can be read.
type Platform struct {
	http.Handler
	// Delete removes a conversation.
	Delete func(conversationID string)
}

// Secret is the token of the tests. It must not stand in any error.
const Secret = "secret-marker-c0ffee"

// Run asks everything of the contract.
func Run(t *testing.T, c Case) {
	t.Run("list", func(t *testing.T) { testList(t, c) })
	t.Run("resume", func(t *testing.T) { testResume(t, c) })
	t.Run("windows", func(t *testing.T) { testWindows(t, c) })
	t.Run("deletion", func(t *testing.T) { testDeletion(t, c) })
	t.Run("documents", func(t *testing.T) { testDocuments(t, c) })
	t.Run("leave", func(t *testing.T) { testLeave(t, c) })
	t.Run("cancel", func(t *testing.T) { testCancel(t, c) })
	t.Run("cursors", func(t *testing.T) { testCursors(t, c) })
	if p, _ := c.start(t); isDirectory(p) {
		t.Run("directory", func(t *testing.T) { testDirectory(t, c) })
	}
	t.Run("faults", func(t *testing.T) { testFaults(t, c) })
}

// start serves a platform and opens the reader of it.
func (c Case) start(t *testing.T) (providers.Reader, Platform) {
	t.Helper()
	platform := c.Platform(t)
	return c.serve(t, platform), platform
}

func (c Case) serve(t *testing.T, handler http.Handler) providers.Reader {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return c.Open(t, server.URL)
}

// Reads is how to open an account whose reader is there already.
func Reads(r providers.Reader) func() (providers.Reader, error) {
	return func() (providers.Reader, error) { return r, nil }
}

// Maps is how to make a mapper that is there already.
func Maps(m providers.Mapper) func() (providers.Mapper, error) {
	return func() (providers.Mapper, error) { return m, nil }
}
