package receive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// receipt says what arrived, in a form that only the sender can compare with what was sent: whether something on the way has changed it.
// The answers to probes and to refused announcements have one.
type receipt struct {
	content string    // digest of the account's name, the method, the query and the body
	headers string    // digest of the headers that the platform's announcements are read by
	at      time.Time // by the receiver's clock
}

// accepted is the first line of the answer to a probe that is accepted.
const accepted providers.Reason = "accepted"

func receiptOf(account string, p *providers.Push, n providers.Notice, now time.Time) receipt {
	content, headers := digest(account, "", n), sha256.New()
	for _, name := range p.Headers {
		fmt.Fprintf(headers, "%s %q\n", name, n.Header.Values(name))
	}
	return receipt{content: hex.EncodeToString(content[:]), headers: hex.EncodeToString(headers.Sum(nil)[:16]), at: now.UTC()}
}

// under returns the text of an answer: its first line, and then the receipt, if there is one.
func (r receipt) under(first providers.Reason) string {
	if r.content == "" {
		return string(first)
	}
	return fmt.Sprintf("%s\nreceived %s %s %s", first, r.content, r.headers, r.at.Format(time.RFC3339))
}

// parseAnswer reads an answer of a receiver. It returns false if it cannot be one.
func parseAnswer(status int, body []byte) (first providers.Reason, r receipt, ok bool) {
	line, rest, _ := bytes.Cut(bytes.TrimSpace(body), []byte("\n"))
	first = providers.Reason(line)
	if parts := strings.Fields(string(rest)); len(parts) == 4 && parts[0] == "received" {
		if at, err := time.Parse(time.RFC3339, parts[3]); err == nil {
			r = receipt{parts[1], parts[2], at}
		}
	}
	switch {
	case first == accepted:
		return first, r, status == http.StatusOK && r.content != ""
	case advice[first] == "":
		return "", receipt{}, false
	}
	return first, r, status == statusOf(first)
}
