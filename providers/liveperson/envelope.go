package liveperson

import (
	"encoding/json"
	"errors"
	"time"
)

// envelope is what stands around records.
type envelope struct {
	count   *int64
	partial bool
	records []json.RawMessage
}

// readEnvelope reads the answer of either API. Its links lead to other hosts, and are not even read.
func readEnvelope(body []byte) (envelope, error) {
	var said struct {
		Metadata         json.RawMessage `json:"_metadata"`
		ResponseMetadata json.RawMessage `json:"_responseMetadata"`
		Records          json.RawMessage `json:"conversationHistoryRecords"`
		MetadataRecords  json.RawMessage `json:"conversationHistoryMetadataRecords"`
	}
	var e envelope
	if json.Unmarshal(body, &said) != nil {
		return e, errShape
	}
	records := said.Records
	if records == nil {
		records = said.MetadataRecords
	}
	if records == nil || json.Unmarshal(records, &e.records) != nil {
		return e, errShape
	}
	for _, raw := range []json.RawMessage{said.Metadata, said.ResponseMetadata} {
		v, _ := decode(raw)
		metadata := asObject(v)
		if n := metadata.integer("count"); n != nil && *n >= 0 {
			e.count = n
		}
		e.partial = e.partial || metadata.object("shardsStatusResult").truth("partialResult")
	}
	return e, nil
}

var errRow = errors.New("it has no id or no time of its beginning")

// readRow reads what a list must know of a record of either API.
func readRow(raw json.RawMessage) (row, error) {
	o, err := decodeObject(raw)
	if err != nil {
		return row{}, err
	}
	r := row{raw: raw}
	var at *time.Time
	if info := o.object("info"); info != nil {
		r.id, at = info.word("conversationId"), info.moment("startTime")
	} else {
		r.id, at = o.word("convId"), o.moment("startTs")
	}
	if r.id == "" || at == nil {
		return r, errRow
	}
	r.at = *at
	return r, nil
}
