package providers

import (
	"crypto/hmac"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

// Push is how a platform announces what happens. Announcements are hints: they name conversations to be fetched, and nothing of them
// becomes a row.
type Push struct {
	// Read checks and reads an announcement. It is pure: the same notice, keys and time give the same result. Its error is a *Refusal.
	//
	// If the notice has a signature and there are keys, the signature must be that of one of them; then Signed is set. A notice without
	// a signature is read all the same, because the caller may trust it for another reason.
	Read func(n Notice, keys []string, now time.Time) (Announcement, error)
	// EndsOnly means that nothing but the end of a conversation is sure to be announced, so that no other change is missed if it is not.
	EndsOnly bool
	// Key says what the keys are, for people: "the secret of the webhook". It is empty if the platform signs nothing.
	Key string
	// CheckKey returns nil if Read can use the key, or else an error that says what is expected. It does not contain the key.
	CheckKey func(key string) error
	// PublicKeys means that the keys can only check signatures, not make them.
	PublicKeys bool
	// Headers are the headers of a Notice that Read looks at.
	Headers []string
	// Probe makes an announcement as the platform would send it, about no conversation. It is signed with the key, unless the key is
	// empty or public. The nonce makes it differ from all others.
	Probe func(accountID, nonce, key string, now time.Time) Notice
}

const (
	// ProbeName is what a probe has in the place of the name of an event.
	ProbeName = "chatlake_probe"
	// ProbeSample is a JSON object for bodies of probes. It changes if somebody reads it and writes it again.
	ProbeSample = `{ "b":"\u00e4ö\/",  "a":1.0 }`
)

// Notice is a request that a platform has sent.
type Notice struct {
	Method string
	Header http.Header
	Query  url.Values
	Body   []byte // exactly as sent
	// AccountID is the platform's own id of the account, as configured. An announcement that names another one is refused.
	AccountID string
}

// Announcement is what a platform announces.
type Announcement struct {
	// Conversations are the ids of the conversations that something happened to. There are none if it concerns no conversation.
	Conversations []string
	// Signed means that the signature was checked.
	Signed bool
	// Stamp is what the signature says beside the body, such as when it was made. It tells two announcements with the same body apart.
	Stamp string
	// Probe means that no platform has sent it: it is one that Push.Probe has made.
	Probe bool
}

// Reason is why an announcement is refused. Reasons are counted, so there are few.
type Reason string

const (
	Unsigned     Reason = "unsigned"      // it has no signature, and the account does not trust it for another reason
	BadSignature Reason = "bad_signature" // it has a signature, but of none of the keys
	BadAlgorithm Reason = "bad_algorithm" // it is signed in a way that is never accepted
	Expired      Reason = "expired"       // its time is too long ago, or in the future
	Unreadable   Reason = "unreadable"    // it is not what the platform sends
	OtherAccount Reason = "other_account" // it is about another account of the platform
)

// Refusal is the error of an announcement that is not accepted. It contains nothing that was sent.
type Refusal struct{ Reason Reason }

func (r *Refusal) Error() string { return "refused: " + string(r.Reason) }

// Refuse returns a Refusal.
func Refuse(reason Reason) error { return &Refusal{reason} }

// HMAC is the signature of a text with a key.
func HMAC(sum func() hash.Hash, key string, text []byte) []byte {
	mac := hmac.New(sum, []byte(key))
	mac.Write(text)
	return mac.Sum(nil)
}

// HasHMAC reports whether one of the signatures is that of the text with one of the keys. The time that it takes does not depend on where
// signatures differ.
func HasHMAC(sum func() hash.Hash, keys []string, text []byte, signatures ...[]byte) bool {
	found := false
	for _, key := range keys {
		want := HMAC(sum, key, text)
		for _, got := range signatures {
			found = hmac.Equal(want, got) || found
		}
	}
	return found
}

// CheckSecret returns a Push.CheckKey for secrets that a platform has made. what names them: "the secret of the webhook".
func CheckSecret(what string) func(key string) error {
	return func(key string) error {
		if len(key) < leastSecret {
			return fmt.Errorf("is shorter than %d characters; expected %s", leastSecret, what)
		}
		return nil
	}
}

// leastSecret is the length of the shortest secret that is accepted. Those of the platforms are longer.
const leastSecret = 16

// ReplayWindow is how old a signed announcement may be, and how far in the future.
const ReplayWindow = 5 * time.Minute

// Fresh returns an error if the time that an announcement states is not within the replay window.
func Fresh(stated, now time.Time) error {
	if d := now.Sub(stated); d > ReplayWindow || d < -ReplayWindow {
		return Refuse(Expired)
	}
	return nil
}

var announcedID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$`)

// CheckAnnounced returns an error unless the text can be the id of a conversation on some platform. Ids become part of workflow inputs.
func CheckAnnounced(id string) error {
	if !announcedID.MatchString(id) {
		return fmt.Errorf("not the id of a conversation: expected at most 128 letters, digits, dots, colons, underscores and hyphens")
	}
	return nil
}
