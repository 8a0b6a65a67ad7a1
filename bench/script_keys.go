package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"

	"github.com/chatlake/chatlake/schemas"
)

// scriptKeys reads the identities of the rows that the script wrote into a folder.
func scriptKeys(folder string) (rowKeys, error) {
	keys := rowKeys{}
	for _, table := range scriptTables {
		if table == partsTable {
			continue
		}
		err := eachLine(scriptFile(folder, table), func(line []byte) error {
			var row struct {
				ID           int64
				Conversation int64 `json:"conversation_id"`
			}
			if err := json.Unmarshal(line, &row); err != nil {
				return err
			}
			id := strconv.FormatInt(row.ID, 10)
			if table == schemas.Messages.Table {
				keys.add(table, strconv.FormatInt(row.Conversation, 10), id)
			} else {
				keys.add(table, id)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	keys.sort()
	return keys, nil
}

func eachLine(file string, each func([]byte) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	for r := bufio.NewReaderSize(f, 1<<20); ; {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = each(line)
		}
		if err != nil {
			return err
		}
	}
}

// only returns the keys of some tables.
func (k rowKeys) only(tables []string) rowKeys {
	some := rowKeys{}
	for _, table := range tables {
		some[table] = k[table]
	}
	return some
}
