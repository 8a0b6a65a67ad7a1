package giosg

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

func samples(f *testing.F) []string {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil || len(files) == 0 {
		f.Fatal("no samples", err)
	}
	var bodies []string
	for _, file := range files {
		bodies = append(bodies, string(sample(f, filepath.Base(file))))
	}
	return bodies
}

// FuzzThread hands any bodies to the mapping: rows or an error, the same twice, and never a panic.
func FuzzThread(f *testing.F) {
	keys, err := readKeys(constructed(f).Key, "")
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range samples(f) {
		f.Add(body, body, body)
	}
	for _, d := range encryptedDocs(f, same) {
		f.Add(string(sample(f, "chat_encrypted.json")), string(d.Body), string(sample(f, "memberships.json")))
	}
	m := mapping{keys}
	f.Fuzz(func(t *testing.T, chat, messages, people string) {
		docs := []schemas.Document{
			doc(kindChat, chat), doc(kindMessages, messages), doc(kindMemberships, people), doc(kindTags, people),
			doc(kindVariables, people), doc(kindVisitor, people),
		}
		thread, err := m.Thread(docs)
		again, _ := m.Thread(docs)
		if !reflect.DeepEqual(thread, again) {
			t.Error("the same documents gave other rows")
		}
		if err != nil {
			return
		}
		for i, m := range thread.Messages {
			if m.Sequence != int64(i) || m.MessageID == "" || m.Kind == "" {
				t.Errorf("message %d: sequence %d, id %q, kind %q", i, m.Sequence, m.MessageID, m.Kind)
			}
			if m.CreatedAt != nil && (m.CreatedAt.Year() < 1970 || m.CreatedAt.Year() > 9999) {
				t.Errorf("message %d was created at %s", i, m.CreatedAt)
			}
			if m.Text != nil && !utf8.ValidString(*m.Text) {
				t.Errorf("message %d is no UTF-8", i)
			}
		}
		if _, err := thread.Digest(); err != nil {
			t.Error(err)
		}
	})
}

// FuzzCursor reads any cursor: it is refused, or it is one that is given out and leads to the account's own server.
func FuzzCursor(f *testing.F) {
	for _, at := range []string{"0u:", "0f1686739774406000:?cursor=cD0yMDIzLTA2LTE0", "0r-1:/x?y", "1f:", "0f:https://evil.example/", "users:1:?cursor=x", "rooms:0:"} {
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
		if s, err := a.parseStep(providers.Cursor(at)); err == nil && s.link != "" && s.link[0] != '/' {
			t.Errorf("the cursor %q leads elsewhere", at)
		}
	})
}

// FuzzLink pins any link: it is refused, or it is a path on the account's own server.
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

// FuzzOpen hands any text to the decryption: it is opened only where it was sealed with the key.
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

// FuzzSnapshot hands any body to the directory's mapping.
func FuzzSnapshot(f *testing.F) {
	for _, body := range samples(f) {
		f.Add(0, body)
	}
	f.Fuzz(func(t *testing.T, kind int, body string) {
		d := doc(parts[uint(kind)%uint(len(parts))], body)
		s, err := pure().Snapshot(d)
		again, _ := pure().Snapshot(d)
		if !reflect.DeepEqual(s, again) {
			t.Error("the same document gave other rows")
		}
		if rows, _, bad := envelope([]byte(body)); (bad == nil) != (err == nil) {
			t.Errorf("%d rows, error %v", len(rows), err)
		}
	})
}
