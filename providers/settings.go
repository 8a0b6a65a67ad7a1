package providers

import "net/url"

// Option is the error about an option of an account.
func Option(name, reason string) error {
	return &Setting{Key: "options." + name, Reason: reason}
}

// ParseAddress parses an absolute http or https URL without credentials, the form that every base_url has to have. It is
// false where text is none.
func ParseAddress(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, false
	}
	return u, true
}

// Normal brings an account into the form that Definition.Normal promises: read reads its options, texts writes them all, and
// settings, unless it is nil, brings the other settings into one form. An account whose options cannot be read stays as it is.
func Normal[O any](a Account, read func(map[string]string) (O, error), texts func(O) map[string]string, settings func(*Account)) (Account, map[string]string) {
	o, err := read(a.Options)
	if err != nil {
		return a, nil
	}
	byDefault, err := read(nil)
	if err != nil {
		return a, nil
	}
	if settings != nil {
		settings(&a)
	}
	var unchanged map[string]string
	a.Options, unchanged = divide(texts(o), texts(byDefault))
	return a, unchanged
}

// divide divides options into those that differ from the defaults and those that do not.
func divide(options, byDefault map[string]string) (changed, unchanged map[string]string) {
	changed, unchanged = map[string]string{}, map[string]string{}
	for key, text := range options {
		if usual, ok := byDefault[key]; ok && usual == text {
			unchanged[key] = text
		} else {
			changed[key] = text
		}
	}
	return changed, unchanged
}
