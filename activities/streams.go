package activities

import (
	"context"
	"errors"
	"iter"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// lister lists what a stream has in a window, page by page, starting at a cursor.
type lister func(context.Context, schemas.Window, providers.Cursor) iter.Seq2[providers.Page, error]

// source lists the documents of a stream without conversations and maps them to rows. Each function returns nil if the provider
// does not support the stream.
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

// errNoChanges is the error of a list of changes that the platform does not have. An empty window would say that nothing changed.
var errNoChanges = &providers.Error{Kind: providers.Failed, Op: "list changes", Err: errors.New("the platform has no list of what changed")}

// listOf returns the lister of a stream. It is empty if the platform no longer has such a list. had is what the lake has, for lists of
// changes.
func listOf(r providers.Reader, stream schemas.Stream, had *lake.Known) (lister, error) {
	switch {
	case stream == schemas.StreamChanges:
		changer, ok := r.(providers.Changer)
		if !ok {
			return nil, errNoChanges
		}
		return func(ctx context.Context, w schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
			return changer.Changes(ctx, w, inventory{had}, at)
		}, nil
	case stream.HasConversations():
		return r.Conversations, nil
	}
	if list := sources[stream].list; list != nil && list(r) != nil {
		return list(r), nil
	}
	return func(context.Context, schemas.Window, providers.Cursor) iter.Seq2[providers.Page, error] {
		return func(yield func(providers.Page, error) bool) {}
	}, nil
}
