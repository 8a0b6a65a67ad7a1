package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"time"
)

// asset is a file that views load. Its address changes with its content, so that browsers may keep it for ever.
type asset struct {
	address, mime string
	content       []byte
}

//go:embed assets/page.css
var styleText []byte

//go:embed assets/page.js
var scriptText []byte

//go:embed assets/icon.svg
var iconText []byte

var (
	style  = newAsset("page", "css", "text/css; charset=utf-8", styleText)
	script = newAsset("page", "js", "text/javascript; charset=utf-8", scriptText)
	icon   = newAsset("icon", "svg", "image/svg+xml", iconText)
)

func newAsset(name, ending, mime string, content []byte) asset {
	sum := sha256.Sum256(content)
	return asset{"/assets/" + name + "." + hex.EncodeToString(sum[:6]) + "." + ending, mime, content}
}

// serveAssets serves the assets.
func serveAssets() http.Handler {
	all := map[string]asset{}
	for _, a := range []asset{style, script, icon} {
		all[a.address] = a
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := all[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", a.mime)
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
	})
}
