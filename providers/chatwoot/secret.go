package chatwoot

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/chatlake/chatlake/internal/wire"
)

// secret reports whether a field of an inbox or an agent holds a credential of another system.
func secret(key string) bool {
	for _, word := range []string{"token", "secret", "password", "_key"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return key == "web_widget_script" || key == "provider_config"
}

// withoutCredentials takes credentials out of what is left of an object, also of the objects in it.
func withoutCredentials(r *wire.Reader) {
	r.Change(func(key string, v value) value {
		if secret(key) {
			return nil
		}
		return redacted(v)
	})
}

// redacted is a value whose objects have no credentials. It is as sent where there are none.
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

// redact takes credentials out of a tree and reports whether there were any.
func redact(tree any) (found bool) {
	switch v := tree.(type) {
	case map[string]any:
		for key, member := range v {
			if secret(key) && member != nil {
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
