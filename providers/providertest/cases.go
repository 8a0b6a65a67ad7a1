package providertest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Mapping is one case: the answers of a platform about a conversation or a page of its directory, and expectations about the rows.
type Mapping struct {
	Provider       string
	ConversationID string `json:"conversation_id"` // empty for a directory
	Options        map[string]string
	Documents      []mappingDocument
	// Snapshot means that Documents belong to the directory and not to a conversation.
	Snapshot bool
	// Directory are further documents of the account, from the directory or from a report by time.
	Directory []mappingDocument
	Expect    []Expectation
}

type mappingDocument struct {
	Kind     string
	Body     json.RawMessage
	Status   int64 // 0 means 200
	Sequence int64
}

// Cases runs every case in the folder testdata/cases of the package under test. open makes the mapper for the options of a case. It
// uses no network, and fails if there are no cases.
func Cases(t *testing.T, open func(providers.Settings) (providers.Mapper, error)) {
	files, err := filepath.Glob(filepath.Join("testdata", "cases", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("testdata/cases contains no case")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			m := readMapping(t, file)
			mapper, err := open(providers.Settings{Options: m.Options})
			if err != nil {
				t.Fatal(err)
			}
			rows := m.rows(t, mapper)
			for i, e := range m.Expect {
				if err := e.check(rows); err != nil {
					t.Errorf("expectation %d: %v", i, err)
				}
			}
		})
	}
}

func readMapping(t *testing.T, file string) Mapping {
	t.Helper()
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var m Mapping
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(m.Expect) == 0 {
		t.Fatalf("%s has no expectations", file)
	}
	return m
}

func (m Mapping) rows(t *testing.T, mapper providers.Mapper) tables {
	t.Helper()
	rows := tables{}
	if !m.Snapshot {
		thread, err := mapper.Thread(m.documents(m.Documents, m.ConversationID))
		if err != nil {
			t.Fatal(err)
		}
		rows.add(t, thread)
	}
	directory := m.Directory
	if m.Snapshot {
		directory = append(m.Documents, directory...)
	}
	for _, doc := range m.documents(directory, "") {
		rows.add(t, snapshot(t, mapper, doc))
	}
	return rows
}

// snapshot maps a document of the directory or of a report by time.
func snapshot(t *testing.T, mapper providers.Mapper, doc schemas.Document) schemas.Snapshot {
	t.Helper()
	snapshots, ok := mapper.(providers.SnapshotMapper)
	if !ok {
		t.Fatalf("%s: the provider has no directory", doc.Kind)
	}
	rows, err := snapshots.Snapshot(doc)
	if reports, ok := mapper.(providers.ReportMapper); ok && err != nil {
		rows, err = reports.Report(doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// mappingSeen is the time at which the documents of all cases were read.
var mappingSeen = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func (m Mapping) documents(docs []mappingDocument, id string) []schemas.Document {
	var all []schemas.Document
	for _, d := range docs {
		doc := schemas.Document{
			Kind: d.Kind, ConversationID: id, Sequence: d.Sequence, Status: d.Status, ObservedAt: mappingSeen, Body: d.Body,
		}
		if doc.Status == 0 {
			doc.Status = 200
		}
		all = append(all, doc)
	}
	return all
}
