package liveperson

import (
	"cmp"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
)

// progress is the order of delivery statuses. A button that was pressed was read; what was not accepted was sent.
// ACCEPT, READ, NACK and ACTION seen in LivePersonInc/lp-demo-app-connector-api.
var progress = map[string]int{"SENT": 1, "NACK": 2, "ACCEPT": 3, "READ": 4, "ACTION": 5}

// delivery is what became of a message.
type delivery struct {
	furthest string     // of the statuses in progress
	seen     *time.Time // the last time of one of them
	other    string     // the last status that nobody knows
	at       *time.Time // of other
}

// add adds a status; in which order they come makes no difference.
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

// status is the furthest known one, or one that nobody knows and that came after all known ones: how far that is, is unknown.
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
