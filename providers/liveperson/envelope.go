package liveperson

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
)

// envelope is the object around the records of a response.
type envelope struct {
	count   *int64
	partial bool
	records []json.RawMessage
}

// readEnvelope reads a response of either API. It ignores links, because they lead to other hosts.
func readEnvelope(body []byte) (envelope, error) {
	var e envelope
	if body = bytes.TrimSpace(body); len(body) == 0 || body[0] != '{' || !wire.Valid(body) {
		return e, wire.ErrShape
	}
	sent := wire.Fields(body)
	records := sent["conversationHistoryRecords"]
	if records == nil {
		records = sent["conversationHistoryMetadataRecords"]
	}
	switch {
	case records == nil, records[0] != '[' && !wire.IsNull(records):
		return e, wire.ErrShape
	case records[0] == '[':
		for _, record := range wire.Members(records) {
			e.records = append(e.records, record)
		}
	}
	for _, raw := range []json.RawMessage{sent["_metadata"], sent["_responseMetadata"]} {
		v, _ := decode(raw)
		metadata := asObject(v)
		if n := metadata.integer("count"); n != nil && *n >= 0 {
			e.count = n
		}
		e.partial = e.partial || metadata.object("shardsStatusResult").truth("partialResult")
	}
	return e, nil
}

var errRow = errors.New("it has no id or no start time")

// readRow reads the fields of a record that a list needs, of either API.
func readRow(raw json.RawMessage) (row, error) {
	o, err := decodeObject(raw)
	if err != nil {
		return row{}, err
	}
	r := row{raw: raw}
	var at *time.Time
	if info := o.object("info"); info != nil {
		r.id, at = info.word("conversationId"), info.moment("startTime")
		r.updated = info.moment("lastUpdateTime")
		r.version = versionOf(info, r.updated)
	} else {
		r.id, at = o.word("convId"), o.moment("startTs")
		r.version = consumerVersion(o)
	}
	if r.id == "" || at == nil {
		return r, errRow
	}
	r.at = *at
	return r, nil
}
