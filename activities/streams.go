package activities

import (
	"context"
	"iter"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// lister lists what a stream has in a window, page by page from a cursor on.
type lister func(context.Context, schemas.Window, providers.Cursor) iter.Seq2[providers.Page, error]

// source is where the documents of a stream come from that lists no conversations, and who makes rows of them. Each function gives
// nil where the provider has no such thing.
type source struct {
	list func(providers.Reader) lister
	rows func(providers.Mapper) func(schemas.Document) (schemas.Snapshot, error)
}

var sources = map[schemas.Stream]source{
	schemas.StreamReports: {
		list: func(r providers.Reader) lister {
			if reporter, ok := r.(providers.Reporter); ok {
				return reporter.Reports
			}
			return nil
		},
		rows: func(m providers.Mapper) func(schemas.Document) (schemas.Snapshot, error) {
			if mapper, ok := m.(providers.ReportMapper); ok {
				return mapper.Report
			}
			return nil
		},
	},
	schemas.StreamDirectory: {
		list: func(r providers.Reader) lister {
			directory, ok := r.(providers.Directory)
			if !ok {
				return nil
			}
			return func(ctx context.Context, _ schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
				return directory.Directory(ctx, at)
			}
		},
		rows: func(m providers.Mapper) func(schemas.Document) (schemas.Snapshot, error) {
			if mapper, ok := m.(providers.SnapshotMapper); ok {
				return mapper.Snapshot
			}
			return nil
		},
	},
}

// listOf is what a reader lists for a stream. It is empty where the platform has nothing of the kind any more.
func listOf(r providers.Reader, stream schemas.Stream) lister {
	if stream.HasConversations() {
		return r.Conversations
	}
	if list := sources[stream].list; list != nil && list(r) != nil {
		return list(r)
	}
	return func(context.Context, schemas.Window, providers.Cursor) iter.Seq2[providers.Page, error] {
		return func(yield func(providers.Page, error) bool) {}
	}
}
