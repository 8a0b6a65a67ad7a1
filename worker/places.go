package worker

import (
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A place is where the configuration says that something is.
type place struct{ key, value string }

// places are all paths and addresses of the configuration, with their keys.
func (c Config) places() []place {
	all := []place{{"state_dir", c.StateDir}, {"lake.url", c.Lake.URL}, {"lake.endpoint", c.Lake.Endpoint}}
	secret := func(key string, s Secret) {
		if strings.HasPrefix(s.reference, "file:") { // anything else may be a secret that was written down by mistake
			all = append(all, place{key, s.reference})
		}
	}
	secret("lake.access_key", c.Lake.AccessKey)
	secret("lake.secret_key", c.Lake.SecretKey)
	secret("lake.session_token", c.Lake.SessionToken)
	if t := c.Temporal; t != nil {
		secret("temporal.api_key", t.APIKey)
		all = append(all, place{"temporal.address", t.Address}, place{"temporal.tls.ca_file", t.TLS.CAFile},
			place{"temporal.tls.cert_file", t.TLS.CertFile}, place{"temporal.tls.key_file", t.TLS.KeyFile})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Accounts)) {
		a, at := c.Accounts[name], "accounts."+name+"."
		all = append(all, place{at + "base_url", a.BaseURL})
		secret(at+"token", a.Token)
		for _, of := range slices.Sorted(maps.Keys(a.Secrets)) {
			secret(at+"secrets."+of, a.Secrets[of])
		}
	}
	return all
}

var (
	variable = regexp.MustCompile(`\$\{[^}]*\}|\$[A-Za-z_][A-Za-z0-9_]*|\$\([^)]*\)|%[A-Za-z_][A-Za-z0-9_]*%`)
	toPath   = regexp.MustCompile(`^file:(//)?`)
)

// checkPlaces refuses what a shell would have replaced: taken as it is, it would be a new folder of that name. It also
// refuses logins in addresses, which are printed.
func (c Config) checkPlaces() (problems Problems) {
	for _, p := range c.places() {
		prefix := toPath.FindString(p.value)
		path := strings.TrimPrefix(p.value, prefix)
		if found := variable.FindString(p.value); found != "" {
			problems = append(problems, c.Problem(p.key, "holds "+found+", and variables are not replaced here; write the value itself"))
			continue
		}
		if strings.HasPrefix(path, "~") {
			problems = append(problems, c.Problem(p.key, "begins with ~, which is not replaced here; write the whole path: "+prefix+expanded(path)))
			continue
		}
		if u, err := url.Parse(p.value); err == nil && u.User != nil && u.Host != "" && (p.key == "lake.url" || p.key == "lake.endpoint") {
			problems = append(problems, c.Problem(p.key, "holds a login; remove it, and give access_key and secret_key instead"))
		}
	}
	return problems
}

// expanded is what a shell would most likely have made of a path that begins with ~.
func expanded(path string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "<your home folder>"
	}
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(home, rest)
	}
	if path == "~" {
		return home
	}
	return "<home folder of " + strings.TrimPrefix(strings.SplitN(path, "/", 2)[0], "~") + ">" + strings.TrimPrefix(path, strings.SplitN(path, "/", 2)[0])
}
