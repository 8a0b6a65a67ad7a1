package simulator

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Announcement is a request by which a platform says that something has happened.
type Announcement struct {
	Method string
	Path   string // follows the address that the platform was given; empty, or a slash and a secret
	Query  url.Values
	Header http.Header
	Body   []byte
	// Timed means that it says in a signed place when it was made, so that an old one can be told.
	Timed bool
}

// Sending says how a platform makes an announcement.
type Sending struct {
	Key  string    // signs it where the platform signs; empty means that it does not
	Path string    // the secret in the address of announcements that are never signed
	At   time.Time // when it is made
	// Account is another account that it is about; empty means the site's own. A platform that does not write the account into what it
	// sends signs with the key of that account.
	Account string
	// Forged means that somebody else has made it, who knows neither the key nor the secret.
	Forged bool
}

// Secret is the secret in the address, or a wrong one if the announcement is forged.
func (s Sending) Secret() string {
	if s.Forged {
		return s.Path + "x"
	}
	return s.Path
}

// Signer is the key that signs. It is a wrong one if the announcement is forged.
func (s Sending) Signer() []byte {
	if s.Forged {
		return []byte(s.Key + "x")
	}
	return []byte(s.Key)
}

// Announcer is a Living account that announces what happens to its conversations.
type Announcer interface {
	Living
	// Announce returns what the platform sends about an event that has happened. It is nothing for kinds of events that the platform
	// does not announce, and for conversations that do not exist any more.
	Announce(Event, Sending) []Announcement
}

// Fate is what becomes of an announcement on its way, or what is wrong with it.
type Fate uint8

// Lost announcements are not delivered. Forged, Foreign and Expired ones are wrong; a receiver has to refuse them.
const (
	Prompt    Fate = iota // within two seconds
	Repeated              // the same request once more
	Overtaken             // late enough that later ones may come first
	Late                  // made and delivered minutes later
	Lost
	Forged  // signed with a key that is not the account's
	Foreign // about another account of the platform
	Expired // made long ago
)

func (f Fate) String() string {
	return [...]string{"prompt", "repeated", "overtaken", "late", "lost", "forged", "foreign", "expired"}[f]
}

// Wrong reports whether a receiver has to refuse such announcements.
func (f Fate) Wrong() bool { return f >= Forged }

// Delivery is an announcement and when it is delivered.
type Delivery struct {
	Announcement
	At   time.Time
	Fate Fate
}

// Courier takes announcements to their receiver. Of eight, about one is lost, one repeated, one overtaken and one late, and one wrong
// announcement is added.
type Courier struct {
	Seed uint64
	Sending
	// Foreign is the id of another account.
	Foreign string
}

// Of returns what is delivered about an event that has just happened, in the order of delivery, and which announcements are lost.
func (c Courier) Of(site Announcer, e Event) []Delivery {
	d := newDice(c.Seed, streamCourier, int(e.Seed>>1), int(e.Kind))
	prompt := c.Sending
	prompt.At = e.At.Add(time.Duration(d.between(50, 1500)) * time.Millisecond)
	late := c.Sending
	late.At = e.At.Add(time.Duration(d.between(2*60, 40*60)) * time.Second)
	var all []Delivery
	in := func(after time.Duration, a Announcement, fate Fate) {
		all = append(all, Delivery{a, prompt.At.Add(after), fate})
	}
	for i, a := range site.Announce(e, prompt) {
		switch fate := Fate(d.weigh(4, 1, 1, 1, 1)); fate {
		case Repeated:
			in(0, a, Prompt)
			in(time.Duration(d.between(0, 90))*time.Second, a, Repeated)
		case Overtaken:
			in(time.Duration(d.between(5, 120))*time.Second, a, Overtaken)
		case Late:
			all = append(all, Delivery{site.Announce(e, late)[i], late.At, Late})
		default:
			in(0, a, fate)
		}
		if d.oneIn(8) {
			all = append(all, c.wrong(site, e, &d, i, prompt)...)
		}
	}
	slices.SortStableFunc(all, func(a, b Delivery) int { return a.At.Compare(b.At) })
	return all
}

// wrong is a wrong announcement in place of the i-th, if the platform can make one.
func (c Courier) wrong(site Announcer, e Event, d *dice, i int, s Sending) []Delivery {
	fate, made := Forged+Fate(d.below(3)), s
	switch fate {
	case Forged:
		made.Forged = true
	case Foreign:
		made.Account = c.Foreign
	case Expired:
		made.At = e.At.Add(-3 * time.Hour)
	}
	a := site.Announce(e, made)[i]
	if fate == Expired && !a.Timed || fate == Foreign && c.Foreign == "" {
		return nil
	}
	return []Delivery{{a, s.At.Add(time.Duration(d.below(20)) * time.Second), fate}}
}
