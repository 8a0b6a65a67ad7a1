// Package redact cleans text from outside before it reaches a person, a log, a report or Temporal's history: errors of
// libraries and of the operating system, messages of servers, output of child processes.
//
// Such texts quote whatever caused the error: a line of a credential process, a body, a header, a URL with its login. The
// package has three levels:
//
//   - Error is for errors with unknown texts. It reports what their types reveal: the operation, the host, the error number
//     of the operating system. Texts of unknown types are dropped.
//   - Text is for messages that are worth reading, such as those of a store. It keeps the prose and drops quotations.
//   - Mask is for our own finished lines. It only removes what is certainly a secret.
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

// dropped replaces whatever was removed.
const dropped = "[redacted]"

// maxText is how many characters of a message are kept; messages of stores are shorter.
const maxText = 300

// secretName matches the usual names of secrets. A name followed by a colon is not enough, because our own messages begin
// with the configuration key that they are about.
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

// Quotations in prose.
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

// Mask removes everything from our own text that is certainly a secret: learned secrets, logins in URLs, AWS key ids,
// private keys, tokens after the name of their scheme, values after a name such as password=. It is safe for any text, and
// leaves keys, paths and digests of the lake unchanged.
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
			return found // masked already, or a reference to a secret
		}
		return parts[1] + dropped
	})
}

// Text keeps the prose of a message from outside, in one line of at most 300 characters. It removes everything that may be a
// quotation: text in quotation marks, braces or angle brackets, everything of a URL but its host, mail addresses, long words of
// mixed letters and digits, and whatever Mask removes.
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

// isToken reports whether a long word looks random: a long part of it, between separators, contains digits, + or =.
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

// Code keeps a short identifier from outside, such as an error code, a region or a request id. It is empty for anything
// that does not look like one.
func Code(text string) string {
	if !codeShape.MatchString(text) {
		return ""
	}
	return Mask(text)
}

// learned are the secrets that the process has read.
var learned secrets

type secrets struct {
	mu  sync.RWMutex
	all []string // longest first, so that no part of a longer one is left over
}

// shortSecret is the length below which a secret may be a common word.
const shortSecret = 8

// Learn makes Mask, Text and Error remove a secret, and each of its lines, wherever it occurs.
func Learn(secret string) {
	for line := range strings.Lines(secret) {
		learned.add(strings.TrimSpace(line))
	}
	learned.add(strings.TrimSpace(secret))
}

func (s *secrets) add(secret string) {
	if len(secret) < shortSecret || strings.HasPrefix(secret, "-----") { // the frame of a PEM block is not secret
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
