package main

import (
	"context"
	"fmt"
	"hash/maphash"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator/chatwoot"
)

// identity is the columns that identify a row of a table.
var identity = map[string][]string{
	schemas.Conversations.Table: {"conversation_id"},
	schemas.Messages.Table:      {"conversation_id", "message_id"},
	schemas.Participants.Table:  {"conversation_id", "role", "type", "participant_id"},
	schemas.Attachments.Table:   {"conversation_id", "attachment_id"},
	schemas.Contacts.Table:      {"contact_id"},
}

// rowKeys are digests of the identities of rows, by table.
type rowKeys map[string][]uint64

var keySeed = maphash.MakeSeed()

func rowKey(cells ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(keySeed)
	for _, c := range cells {
		_, _ = h.WriteString(c)
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// truthOf is the correct rows of a lake for a world, as far as the account's options let them be judged.
func truthOf(w World, a Account) rowKeys {
	site := chatwoot.New(w.corpus(), chatwoot.Options{})
	ids := site.Conversations(w.window())
	parts := make([]rowKeys, runtime.GOMAXPROCS(0))
	var group errgroup.Group
	for n := range parts {
		part := rowKeys{}
		parts[n] = part
		group.Go(func() error {
			for i := n; i < len(ids); i += len(parts) {
				if thread, ok := site.Thread(ids[i]); ok {
					part.addThread(thread, a)
				}
			}
			return nil
		})
	}
	_ = group.Wait()
	truth := rowKeys{}
	for _, contact := range site.Snapshot().Contacts {
		truth.add(schemas.Contacts.Table, contact.ContactID)
	}
	for _, part := range parts {
		for table, keys := range part {
			truth[table] = append(truth[table], keys...)
		}
	}
	truth.sort()
	return truth
}

func (k rowKeys) add(table string, cells ...string) { k[table] = append(k[table], rowKey(cells...)) }

func (k rowKeys) addThread(t schemas.Thread, account Account) {
	id := t.Conversation.ConversationID
	k.add(schemas.Conversations.Table, id)
	for _, m := range t.Messages {
		k.add(schemas.Messages.Table, id, m.MessageID)
	}
	for _, p := range t.Participants {
		if cells := []string{id, p.Role, p.Type, p.ParticipantID}; account.judged(schemas.Participants.Table, cells) {
			k.add(schemas.Participants.Table, cells...)
		}
	}
	for _, a := range t.Attachments {
		k.add(schemas.Attachments.Table, id, a.AttachmentID)
	}
}

func (k rowKeys) sort() {
	for _, keys := range k {
		slices.Sort(keys)
	}
}

// keysOf reads the identities of all rows of files that can be judged.
func keysOf(ctx context.Context, l *lake.Lake, files []ledger.File, a Account) (rowKeys, error) {
	keys := rowKeys{}
	for _, f := range files {
		columns, ok := identity[f.Table]
		if !ok {
			continue
		}
		cells := make([]string, len(columns))
		problem, err := l.Scan(ctx, f, lake.Query{Columns: columns}, func(row lake.Row) {
			for i, c := range row.Cells {
				cells[i] = c.Text
			}
			if a.judged(f.Table, cells) {
				keys.add(f.Table, cells...)
			}
		})
		if err == nil && problem != "" {
			err = fmt.Errorf("%s: %s", f.Key, problem)
		}
		if err != nil {
			return nil, err
		}
	}
	keys.sort()
	return keys, nil
}

// difference counts the rows in which a lake differs from the truth.
type difference struct {
	Rows    int64 `json:"rows"` // that the lake should have
	Lost    int64 `json:"lost"`
	Doubled int64 `json:"doubled"`
	Foreign int64 `json:"foreign"` // unknown to the platform
}

// compare compares the rows of a lake with the truth. Both are sorted.
func compare(truth, got rowKeys) difference {
	var d difference
	for table := range identity {
		d.table(truth[table], got[table])
	}
	return d
}

func (d *difference) table(want, got []uint64) {
	d.Rows += int64(len(want))
	i, j := 0, 0
	for i < len(want) || j < len(got) {
		switch {
		case j == len(got) || i < len(want) && want[i] < got[j]:
			d.Lost++
			i++
		case i == len(want) || got[j] < want[i]:
			if i > 0 && want[i-1] == got[j] {
				d.Doubled++
			} else {
				d.Foreign++
			}
			j++
		default:
			i++
			j++
		}
	}
}
