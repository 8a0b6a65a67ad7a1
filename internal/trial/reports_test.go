package trial

import (
	"slices"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// A desk may have reports: what its list of changes says of a conversation in a window, and nothing else says it. The rows of a conversation
// have the windows of all its reports.

const kindReport = "report"

func (d *desk) report(id string, w schemas.Window) schemas.Document {
	return schemas.Document{
		Kind: kindReport, ConversationID: id, Status: 200, ObservedAt: d.now().UTC(), Body: []byte(w.From.Format("02T15:04:05") + "~" + w.To.Format("02T15:04:05")),
	}
}

// reportsIn returns the windows of reports, each once.
func reportsIn(docs []schemas.Document) (all []string) {
	for _, doc := range docs {
		if doc.Kind == kindReport {
			all = append(all, string(doc.Body))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// keeper keeps the reports of a desk; nil if it has none.
func (d *desk) keeper() providers.Keeper {
	if !d.w.plan.keeps {
		return nil
	}
	return reporting{}
}

type reporting struct{}

func (reporting) Keep(had, read []schemas.Document) (kept []schemas.Document, err error) {
	said := reportsIn(read)
	for _, doc := range had {
		if doc.Kind == kindReport && !slices.Contains(said, string(doc.Body)) {
			kept, said = append(kept, doc), append(said, string(doc.Body))
		}
	}
	return kept, nil
}

func (k reporting) Adds(had, listed []schemas.Document) (bool, error) {
	kept, err := k.Keep(listed, had)
	return len(kept) > 0, err
}

// keeps checks that what readers take has every report that was ever in the rows of a record.
func (w *world) keeps() {
	for id, r := range w.desk.view {
		for _, said := range w.desk.reported[id] {
			if !slices.Contains(r.reports, said) {
				w.fail("settled, and conversation %s lacks the report of %s", id, said)
			}
		}
	}
}
