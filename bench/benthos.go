package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	// What a stream is made of.
	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/chatlake/chatlake/schemas"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
)

// benthosMain runs a stream of Benthos, the engine of Redpanda Connect from which Bento was forked, until it ends. Its argument is the
// stream's configuration.
func benthosMain(ctx context.Context, config string) error {
	b := service.NewStreamBuilder()
	if err := b.SetYAML(config); err != nil {
		return fmt.Errorf("read the stream's configuration: %w", err)
	}
	stream, err := b.Build()
	if err == nil {
		err = stream.Run(ctx)
	}
	if errors.Is(err, context.Canceled) {
		return context.Cause(ctx)
	}
	return err
}

// benthosStream is what a person configures who knows the engine: each page of a list is read until one is empty, its rows go through as
// many threads as chatlake has concurrent requests, and each answer is written as lines of JSON.
func benthosStream(s script) string {
	request := func(path, limit string) string {
		return fmt.Sprintf(`http: {url: '%s/api/v1/accounts/1/%s', verb: GET, headers: {api_access_token: %s}, retries: %d, retry_period: 250ms, %s}`,
			s.URL, path, fake.AdministratorToken, tries-1, limit)
	}
	limit, limits := "parallel: true", ""
	if s.Budget > 0 {
		limit += ", rate_limit: budget"
		limits = fmt.Sprintf("rate_limit_resources:\n  - {label: budget, local: {count: 1, interval: %dus}}\n", int(1e6/s.Budget))
	}
	list := func(kind, path, rows string) string {
		return fmt.Sprintf(`
      - read_until:
          check: this.rows.length() == 0
          input:
            generate:
              interval: ""
              mapping: |
                root = ""
                meta page = counter()
            processors:
              - %s
              - mapping: 'root = {"kind": "%s", "rows": this.%s}'`, request(path+"page=${! @page }", limit), kind, rows)
	}
	file := func(table string) string {
		return fmt.Sprintf("{file: {path: '%s', codec: lines}}", filepath.ToSlash(scriptFile(s.Folder, table)))
	}
	return strings.NewReplacer(
		"LISTS", list(schemas.Conversations.Table, "conversations?status=all&", "data.payload")+list(schemas.Contacts.Table, "contacts?", "payload"),
		"THREADS", fmt.Sprint(s.Parallel), "MESSAGES_REQUEST", request("conversations/${! @id }/messages?after=${! @after }", limit),
		"FULL", fmt.Sprint(afterPage), "CONVERSATIONS_FILE", file(schemas.Conversations.Table), "CONTACTS_FILE", file(schemas.Contacts.Table),
		"MESSAGES_FILE", file(schemas.Messages.Table),
	).Replace(benthosConfig) + limits
}

const benthosConfig = `
logger: {level: "OFF"}
input:
  sequence:
    inputs:LISTS
  processors:
    - mapping: |
        root = this.rows
        meta kind = this.kind
    - unarchive: {format: json_array}
    - split: {size: 1}
pipeline:
  threads: THREADS
  processors:
    - switch:
        - check: '@kind == "conversations"'
          processors:
            - mapping: 'root = {"row": this, "messages": [], "page": [], "after": 0, "more": true}'
            - while:
                check: this.more
                processors:
                  - branch:
                      request_map: |
                        root = ""
                        meta id = this.row.id
                        meta after = this.after
                      processors: [{MESSAGES_REQUEST}]
                      result_map: root.page = this.payload
                  - mapping: |
                      root = this
                      root.messages = this.messages.concat(this.page)
                      root.after = this.page.map_each(m -> m.id).append(this.after).max()
                      root.more = this.page.length() == FULL
output:
  switch:
    strict_mode: true
    cases:
      - {check: '@kind == "contacts"', output: CONTACTS_FILE}
      - check: '@kind == "conversations"'
        continue: true
        output:
          processors: [{mapping: root = this.row}]
          broker: {outputs: [CONVERSATIONS_FILE]}
      - check: '@kind == "conversations"'
        output:
          processors:
            - mapping: root = this.messages
            - unarchive: {format: json_array}
          broker: {outputs: [MESSAGES_FILE]}
`
