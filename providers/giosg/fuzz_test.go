package giosg

import (
	"strings"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

// FuzzThread maps arbitrary bodies: rows or an error, the same twice, and never a panic.
func FuzzThread(f *testing.F) {
	keys, err := readKeys(constructed(f).Key, "")
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range providertest.Samples(f) {
		f.Add(body, body, body)
	}
	for _, d := range encryptedDocs(f, same) {
		f.Add(string(providertest.Sample(f, "chat_encrypted.json")), string(d.Body), string(providertest.Sample(f, "memberships.json")))
	}
	m := mapping{keys}
	f.Fuzz(func(t *testing.T, chat, messages, people string) {
		docs := []schemas.Document{
			doc(kindChat, chat), doc(kindMessages, messages), doc(kindMemberships, people), doc(kindTags, people),
			doc(kindVariables, people), doc(kindVisitor, people),
		}
		providertest.AnyThread(t, m, docs)
	})
}

// FuzzCursor reads arbitrary cursors: each is refused, or could have been issued and leads to the account's own server.
func FuzzCursor(f *testing.F) {
	for _, at := range []string{"0u:", "0f1686739774406000:?cursor=cD0yMDIzLTA2LTE0", "0r-1:/x?y", "1f:", "0f:https://evil.example/", "users:1:?cursor=x", "rooms:0:", "f1,2:?cursor=x", "u,:", "r1,-2:/x"} {
		f.Add(at)
	}
	a := testAccount(f, "https://service.giosg.com/sub")
	f.Fuzz(func(t *testing.T, at string) {
		if p, err := a.parseCursor(providers.Cursor(at)); err == nil && at != "" {
			if back, err := a.cursor(p); err != nil || back != providers.Cursor(at) {
				t.Errorf("the cursor %q was taken", at)
			}
			if p.link != "" && !strings.HasPrefix(a.absolute(p.link), "https://service.giosg.com/") {
				t.Errorf("the cursor %q leads elsewhere", at)
			}
		}
		if p, err := a.parseOpen(at); err == nil && at != "" {
			if back, err := a.formatOpen(p); err != nil || string(back) != partOpen+at {
				t.Errorf("the cursor of open chats %q was taken", at)
			}
			if p.link != "" && !strings.HasPrefix(a.absolute(p.link), "https://service.giosg.com/") {
				t.Errorf("the cursor of open chats %q leads elsewhere", at)
			}
		}
		if s, err := a.parseStep(providers.Cursor(at)); err == nil && s.link != "" && s.link[0] != '/' {
			t.Errorf("the cursor %q leads elsewhere", at)
		}
	})
}

// FuzzLink pins arbitrary links: each is refused, or is a path on the account's own server.
func FuzzLink(f *testing.F) {
	for _, link := range []string{"https://service.giosg.com/a?b", "//evil.example", "\\\\evil", "?x", "/%2f/..//x", "https://service.giosg.com//evil.example/"} {
		f.Add(link)
	}
	a := testAccount(f, "https://service.giosg.com")
	f.Fuzz(func(t *testing.T, link string) {
		got, err := a.pin(a.own(a.lists[0].path), link)
		if err == nil && !strings.HasPrefix(a.absolute(got), "https://service.giosg.com/") {
			t.Errorf("pin(%q) = %q", link, got)
		}
	})
}

// FuzzOpen decrypts arbitrary texts: only those that were encrypted with the key.
func FuzzOpen(f *testing.F) {
	v := constructed(f)
	keys, err := readKeys(v.Key, "")
	if err != nil {
		f.Fatal(err)
	}
	s, _ := keys.unwrap(v.Wrapped)
	known := map[string]bool{}
	for _, m := range v.Messages {
		known[m.Plaintext] = true
		f.Add(m.Encrypted, v.Wrapped)
	}
	f.Fuzz(func(t *testing.T, text, wrapped string) {
		if got, err := s.open(text); err == nil && !known[got] {
			t.Errorf("%q was opened", text)
		}
		if other, why := keys.unwrap(wrapped); (other == nil) == (why == "") {
			t.Errorf("a key, and %q", why)
		}
		_ = readSecret([]byte(text))
	})
}

// FuzzSnapshot maps arbitrary bodies of the directory.
func FuzzSnapshot(f *testing.F) {
	for _, body := range providertest.Samples(f) {
		f.Add(0, body)
	}
	f.Fuzz(func(t *testing.T, kind int, body string) {
		d := doc(parts[uint(kind)%uint(len(parts))], body)
		_, err := providertest.AnySnapshot(t, pure(), d)
		if rows, _, bad := envelope([]byte(body)); (bad == nil) != (err == nil) {
			t.Errorf("%d rows, error %v", len(rows), err)
		}
	})
}
