// Package redact is the one place through which words of others pass before a person, a log, a report or Temporal's
// history sees them: errors of libraries and of the operating system, messages of servers, output of child processes.
//
// Such words quote what they stumbled over: a line of a credential process, a body, a header, a URL with its login. There
// are three ways through:
//
//   - Error, for errors whose words nobody has checked. It says what is known from their types: the operation, the host,
//     the number of the operating system. Words of unknown types are dropped.
//   - Text, for messages that are worth reading, such as those of a store. It keeps the prose and drops what is quoted in it.
//   - Mask, for finished lines of our own. It only takes out what is certainly a secret.
//
// It must not know any vendor, any store, or Temporal.
package redact

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// dropped stands where something was taken out.
const dropped = "[redacted]"

// maxText is how many characters of a message are kept; no store has more to say.
const maxText = 300

// secretName is how those call a secret who write it down. A colon alone does not make it one: our own messages begin with
// the key of the configuration that they are about.
const secretName = `(?i:(?:secret_?access_?key|access_?key_?id|session_?token|security_?token|api_?key|api_?access_?token|client_?secret|` +
	`password|passwd|signature|x-amz-credential|x-amz-signature))`

// What is certainly a secret, in any text.
var (
	urlLogin = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/\s"'<>@]*@`)
	pemBlock = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)`)
	awsKeyID = regexp.MustCompile(`\b(AKIA|ASIA)[A-Z0-9]{12,}\b`)
	scheme   = regexp.MustCompile(`(?i)\b(bearer|basic|negotiate|giosgapp) +[A-Za-z0-9+/=._~-]{8,}`)
	webToken = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)
	header   = regexp.MustCompile(`(?i)\b((?:proxy-)?authorization|cookie|x-amz-security-token)(\\*["']?\s*[:=]\s*)[^\r\n"'\\]+`)
	assigned = regexp.MustCompile(`((?:` + secretName + `)\s*=\s*|(?:` + secretName + `)\\*["']\s*:\s*|(?:SecretAccessKey|SessionToken|AccessKeyId)\s*:\s*)(\\+"[^"\\]*(?:\\+")?|"[^"]*"|'[^']*'|[^\s,;&"'}\\]+)`)
)

// What prose may quote.
var (
	address   = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)(?:[^/\s"'<>@]*@)?([^/\s"'<>?#]*)[^\s"'<>]*`)
	doubled   = regexp.MustCompile(`"[^"]*("|$)|“[^”]*(”|$)|` + "`[^`]*(`|$)")
	single    = regexp.MustCompile(`(^|[\s(\[{=:,])'[^']*('|$)`)
	braces    = regexp.MustCompile(`\{.*(\}|$)`)
	markup    = regexp.MustCompile(`<[^>]*(>|$)`)
	mail      = regexp.MustCompile(`[^\s@]+@[^\s@]+`)
	longWord  = regexp.MustCompile(`[A-Za-z0-9+/_=-]{20,}`)
	codeShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:+/=-]{0,79}$`)
)

// Mask takes out of a text of our own what is certainly a secret: those that were learned, logins in URLs, AWS key ids,
// private keys, tokens after the name of their scheme, values after a name such as password=. It is safe for any text, and
// changes no key, path or digest of the lake.
func Mask(text string) string {
	text = learned.mask(text)
	text = pemBlock.ReplaceAllString(text, dropped)
	text = urlLogin.ReplaceAllString(text, "$1"+dropped+"@")
	text = header.ReplaceAllString(text, "$1$2"+dropped)
	text = scheme.ReplaceAllString(text, "$1 "+dropped)
	text = webToken.ReplaceAllString(text, dropped)
	text = awsKeyID.ReplaceAllString(text, dropped)
	return assigned.ReplaceAllStringFunc(text, func(found string) string {
		parts := assigned.FindStringSubmatch(found)
		if strings.HasPrefix(parts[2], dropped) || strings.HasPrefix(parts[2], "env:") || strings.HasPrefix(parts[2], "file:") {
			return found // the second is a reference to a secret
		}
		return parts[1] + dropped
	})
}

// Text keeps the prose of a message of others, in one line of at most 300 characters, without what may be quoted in it: texts
// between quotation marks, braces or angle brackets, all of a URL but its host, mail addresses, long words of mixed letters
// and digits, and what Mask takes out.
func Text(text string) string {
	text = Mask(strings.ToValidUTF8(text, " "))
	text = address.ReplaceAllString(text, "$1$2")
	text = doubled.ReplaceAllString(text, dropped)
	text = single.ReplaceAllString(text, "$1"+dropped)
	text = braces.ReplaceAllString(text, dropped)
	text = markup.ReplaceAllString(text, " ")
	text = mail.ReplaceAllString(text, dropped)
	text = longWord.ReplaceAllStringFunc(text, func(word string) string {
		if isToken(word) {
			return dropped
		}
		return word
	})
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }), " ")
	if runes := []rune(text); len(runes) > maxText {
		text = string(runes[:maxText]) + "..."
	}
	return text
}

// isToken reports whether a long word looks random: it mixes digits with letters, and has no parts that separators cut short.
func isToken(word string) bool {
	for part := range strings.FieldsFuncSeq(word, func(r rune) bool { return r == '-' || r == '_' }) {
		if len(part) < 20 {
			continue
		}
		digit := strings.ContainsAny(part, "0123456789")
		if digit || strings.ContainsAny(part, "+=") {
			return true
		}
	}
	return false
}

// Code keeps a short identifier of others, such as an error code, a region or a request id, and is empty for anything that
// does not look like one.
func Code(text string) string {
	if !codeShape.MatchString(text) {
		return ""
	}
	return Mask(text)
}

// learned are secrets that the process has read.
var learned secrets

type secrets struct {
	mu  sync.RWMutex
	all []string // the longest first, so that no part of one is left
}

// shortSecret is the length below which a secret may be a common word.
const shortSecret = 8

// Learn makes Mask, Text and Error take a secret out wherever it stands, whole or one of its lines.
func Learn(secret string) {
	for line := range strings.Lines(secret) {
		learned.add(strings.TrimSpace(line))
	}
	learned.add(strings.TrimSpace(secret))
}

func (s *secrets) add(secret string) {
	if len(secret) < shortSecret || strings.HasPrefix(secret, "-----") { // the frame of a PEM block is no secret
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.all, secret) {
		return
	}
	s.all = append(s.all, secret)
	slices.SortStableFunc(s.all, func(a, b string) int { return len(b) - len(a) })
}

func (s *secrets) mask(text string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, secret := range s.all {
		text = strings.ReplaceAll(text, secret, dropped)
	}
	return text
}
