package providers

import (
	"net/url"
	"strings"
)

// Option returns an error about an option of an account.
func Option(name, reason string) error {
	return &Setting{Key: "options." + name, Reason: reason}
}

// UnknownOption returns the error about an option that the provider does not have; known are those that it has.
func UnknownOption(name string, known ...string) error {
	return Option(name, "unknown; the options are "+strings.Join(known, ", "))
}

// ParseAddress parses a base_url: an absolute http or https URL without credentials. It returns false for any other text.
func ParseAddress(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, false
	}
	return u, true
}

// Normal implements Definition.Normal. read parses the options, texts formats all of them, and settings, unless it is nil,
// normalizes the other settings in place. An account whose options cannot be parsed is returned unchanged.
func Normal[O any](a Account, read func(map[string]string) (O, error), texts func(O) map[string]string, settings func(*Account)) (Account, map[string]string) {
	o, err := read(a.Options)
	if err != nil {
		return a, nil
	}
	defaults, err := read(nil)
	if err != nil {
		return a, nil
	}
	if settings != nil {
		settings(&a)
	}
	var unchanged map[string]string
	a.Options, unchanged = splitByDefault(texts(o), texts(defaults))
	return a, unchanged
}

// splitByDefault splits options into those that differ from the defaults and those that do not.
func splitByDefault(options, defaults map[string]string) (changed, unchanged map[string]string) {
	changed, unchanged = map[string]string{}, map[string]string{}
	for key, text := range options {
		if byDefault, ok := defaults[key]; ok && byDefault == text {
			unchanged[key] = text
		} else {
			changed[key] = text
		}
	}
	return changed, unchanged
}
