// Package providertest tests the contract of package providers. It tests what an export relies on with a provider and a fake of the
// platform that it reads, and contains what the tests of providers share.
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
	// Platform makes a new fake, with the same conversations every time.
	Platform func(t *testing.T) Platform
	// Open makes the reader of the platform served at a base URL. Its token must be Secret.
	Open func(t *testing.T, baseURL string) providers.Reader
	// Mapper maps the documents that Open's reader returns.
	Mapper providers.Mapper
	// Window contains all conversations of the platform, at least twenty on several pages.
	Window schemas.Window
	// Conversations are the ids of all of them, in any order.
	Conversations []string
	// NotFound means that no conversation can be looked up by its id before it is fetched, although the Reader is a Finder. FoundLess, if
	// it is not nil, allows that some are not found, and that the version of one is not that of the list.
	NotFound  bool
	FoundLess func(found, listed string) bool
	// MessagesListed means that the list already contains all messages, so that fetching them sends no requests.
	MessagesListed bool
	// MetadataRefused means that Metadata keeps the platform's refusal of a part as a document, and asks for nothing else.
	MetadataRefused bool
}

// Platform is a fake of a platform.
type Platform struct {
	http.Handler
	// Delete removes a conversation.
	Delete func(conversationID string)
}

// Secret is the token of the tests. No error may contain it.
const Secret = "secret-marker-c0ffee"

// Run tests the whole contract.
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
	if p, _ := c.start(t); canFind(p) {
		t.Run("find", func(t *testing.T) { testFind(t, c) })
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

// Reads returns a function that returns r, as if it opened an account.
func Reads(r providers.Reader) func() (providers.Reader, error) {
	return func() (providers.Reader, error) { return r, nil }
}

// Maps returns a function that returns m, as if it made a mapper.
func Maps(m providers.Mapper) func() (providers.Mapper, error) {
	return func() (providers.Mapper, error) { return m, nil }
}
