package liveperson

import (
	"cmp"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
)

// progress is the order of delivery statuses. A pressed button implies that the message was read; a message that was not accepted
// was still sent. ACCEPT, READ, NACK and ACTION seen in LivePersonInc/lp-demo-app-connector-api.
var progress = map[string]int{"SENT": 1, "NACK": 2, "ACCEPT": 3, "READ": 4, "ACTION": 5}

// delivery is the delivery status of a message.
type delivery struct {
	furthest string     // of the statuses in progress
	seen     *time.Time // the latest time of these
	other    string     // the latest unknown status
	at       *time.Time // of other
}

// add adds a status. The order of calls does not matter.
func (d *delivery) add(status string, at *time.Time) {
	if step := progress[strings.ToUpper(status)]; step > 0 {
		if step > progress[strings.ToUpper(d.furthest)] {
			d.furthest = status
		}
		d.seen = wire.Later(d.seen, at)
		return
	}
	if d.other == "" || cmp.Or(wire.CompareTimes(at, d.at), strings.Compare(status, d.other)) > 0 {
		d.other, d.at = status, at
	}
}

// status returns the furthest known status, or an unknown one if it is later than all known ones, because its place in the order
// is unknown.
func (d *delivery) status() string {
	if d.other != "" && (d.furthest == "" || wire.CompareTimes(d.at, d.seen) > 0) {
		return d.other
	}
	return d.furthest
}

// delivered sets the delivery status of a message.
func (m *mapper) delivered(id, status string, at *time.Time) {
	i, ok := m.places[id]
	if !ok || status == "" {
		return
	}
	d := m.deliveries[id]
	if d == nil {
		d = &delivery{}
		m.deliveries[id] = d
	}
	d.add(status, at)
	m.Messages[i].DeliveryStatus = orNil(d.status())
}
