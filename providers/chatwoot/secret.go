package chatwoot

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/chatlake/chatlake/internal/wire"
)

// isSecret reports whether a field of an inbox or an agent contains a credential for another system.
func isSecret(key string) bool {
	for _, word := range []string{"token", "secret", "password", "_key"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return key == "web_widget_script" || key == "provider_config"
}

// removeCredentials removes credentials from the unread fields of an object, at any depth.
func removeCredentials(r *wire.Reader) {
	r.Change(func(key string, v value) value {
		if isSecret(key) {
			return nil
		}
		return redacted(v)
	})
}

// redacted returns a value without the credentials in its objects, or the value itself if it has none.
func redacted(v value) value {
	if wire.IsNull(v) || v[0] != '{' && v[0] != '[' {
		return v
	}
	tree, ok := wire.Tree(v)
	if !ok || !redact(tree) {
		return v
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(tree) != nil {
		return nil
	}
	return bytes.TrimSpace(b.Bytes())
}

// redact removes the credentials from a tree and reports whether it found any.
func redact(tree any) (found bool) {
	switch v := tree.(type) {
	case map[string]any:
		for key, member := range v {
			if isSecret(key) && member != nil {
				v[key], found = nil, true
			} else if redact(member) {
				found = true
			}
		}
	case []any:
		for _, element := range v {
			found = redact(element) || found
		}
	}
	return found
}
