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

// A place is a path or an address in the configuration.
type place struct{ key, value string }

// places returns all paths and addresses of the configuration with their keys.
func (c Config) places() []place {
	all := []place{{"state_dir", c.StateDir}, {"lake.url", c.Lake.URL}, {"lake.endpoint", c.Lake.Endpoint}}
	secret := func(key string, s Secret) {
		if strings.HasPrefix(s.reference, "file:") { // anything else may be a secret that someone wrote into the file by mistake
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

// checkPlaces refuses paths that a shell would have expanded: taken literally, they would name a new folder. It also refuses
// logins in addresses, because addresses are printed.
func (c Config) checkPlaces() (problems Problems) {
	for _, p := range c.places() {
		prefix := toPath.FindString(p.value)
		path := strings.TrimPrefix(p.value, prefix)
		if found := variable.FindString(p.value); found != "" {
			problems = append(problems, c.Problem(p.key, "contains "+found+", but variables are not expanded here; write the value itself"))
			continue
		}
		if strings.HasPrefix(path, "~") {
			problems = append(problems, c.Problem(p.key, "begins with ~, which is not expanded here; write the full path: "+prefix+expanded(path)))
			continue
		}
		if u, err := url.Parse(p.value); err == nil && u.User != nil && u.Host != "" && (p.key == "lake.url" || p.key == "lake.endpoint") {
			problems = append(problems, c.Problem(p.key, "contains a login; remove it, and set access_key and secret_key instead"))
		}
	}
	return problems
}

// expanded returns the likely result of a shell's expansion of a path that begins with ~.
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
