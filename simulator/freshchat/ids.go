package freshchat

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// uuid is the id of a thing in the world, the same in every run.
func uuid(kind string, number int64) string {
	sum := sha256.Sum256([]byte(kind + ":" + strconv.FormatInt(number, 10)))
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

// The kinds of ids.
const (
	ofUser    = "user"
	ofAgent   = "agent"
	ofBot     = "bot"
	ofSystem  = "system"
	ofGroup   = "group"
	ofChannel = "channel"
	ofMessage = "message"
	ofApp     = "app"
)

var appID = uuid(ofApp, 1)

// systemUsers are the actors of actions without a person.
const systemUsers = 2

// internalID is the number that a conversation has in addition to its UUID.
func internalID(number int64) int64 { return 1019183591000000 + number }

func orgID(kind string, number int64) string {
	return fmt.Sprintf("19408904524%s%06d", map[string]string{ofUser: "1", ofAgent: "2", ofBot: "3", ofSystem: "4", ofGroup: "5"}[kind], number)
}

// iso is a time in a body.
func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// stamp is a time in a report: without a zone, and with as few fractional digits as possible.
func stamp(t time.Time) string {
	s := strings.TrimRight(t.UTC().Format("2006-01-02 15:04:05.000"), "0")
	if strings.HasSuffix(s, ".") {
		s += "0"
	}
	return s
}

// createdAt is when a conversation was created, never later than its first message.
func createdAt(o simulator.Outline) time.Time { return o.CreatedAt }

// names are a person's first and last name in the platform's format.
func names(name string) (first, last string) {
	first, last, _ = strings.Cut(name, " ")
	return first, last
}
