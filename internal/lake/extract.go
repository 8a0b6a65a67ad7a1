package lake

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/semaphore"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/parquet"
	"github.com/chatlake/chatlake/internal/redact"
	"github.com/chatlake/chatlake/schemas"
)

// Extent says where the documents of one conversation are: a number of consecutive rows in row groups of committed files.
type Extent struct {
	Documents int
	Groups    []Group // in order
}

// Group is a row group of a committed file, counted from 0.
type Group struct {
	File  ledger.File
	Group int
}

// extent returns where the documents of an entry are.
func (r *known) extent(e entry) Extent {
	x := Extent{Documents: int(e.Documents)}
	number := uint16(0)
	for _, f := range r.files {
		if f.Table != schemas.Documents.Table {
			continue
		}
		if e.Documents > 0 && e.FirstFile <= number && number <= e.LastFile {
			first, last := 0, f.RowGroups-1
			if number == e.FirstFile {
				first = int(e.FirstGroup)
			}
			if number == e.LastFile {
				last = int(e.LastGroup)
			}
			for group := first; group <= last; group++ {
				x.Groups = append(x.Groups, Group{f, group})
			}
		}
		number++
	}
	return x
}

// The most that a process keeps of committed files to read from them again.
const (
	extractGroups = 32 << 20  // bytes of documents in memory
	extractFiles  = 512 << 20 // bytes of files in scratch
	mostFiles     = 64
)

// extracts are row groups and files that were read last. The sem guards them: one reads at a time.
type extracts struct {
	sem    *semaphore.Weighted
	groups []*group // most recently used first
	files  []localFile
}

type localFile struct {
	ledger.File
	local ScratchFile
}

// group is a decoded row group of documents.
type group struct {
	sha256 string
	number int
	bytes  int64
	docs   []schemas.Document
	first  map[string]int // index of the first document of each conversation
}

func newExtracts() *extracts { return &extracts{sem: semaphore.NewWeighted(1)} }

// Extract reads the documents of a conversation from committed files, in the order in which they were sealed. It returns ErrDamaged if
// a file is missing or has other content, or if the documents are not there.
func (l *Lake) Extract(ctx context.Context, id string, from Extent) ([]schemas.Document, error) {
	if from.Documents == 0 {
		return nil, fmt.Errorf("documents of conversation %s: %w", id, ErrDamaged)
	}
	if err := l.extracts.sem.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer l.extracts.sem.Release(1)
	var docs []schemas.Document
	for _, at := range from.Groups {
		g, err := l.group(ctx, at)
		if err != nil {
			return nil, err
		}
		i, ok := g.first[id]
		for ; ok && i < len(g.docs) && g.docs[i].ConversationID == id; i++ {
			docs = append(docs, g.docs[i])
		}
	}
	if len(docs) != from.Documents {
		return nil, fmt.Errorf("%d documents of conversation %s are in the lake, expected %d: %w", len(docs), id, from.Documents, ErrDamaged)
	}
	return docs, nil
}

// group returns a decoded row group.
func (l *Lake) group(ctx context.Context, at Group) (*group, error) {
	x := l.extracts
	if i := slices.IndexFunc(x.groups, func(g *group) bool { return g.sha256 == at.File.SHA256 && g.number == at.Group }); i >= 0 {
		g := x.groups[i]
		x.groups = slices.Insert(slices.Delete(x.groups, i, i+1), 0, g)
		return g, nil
	}
	local, err := l.local(ctx, at.File)
	if err != nil {
		return nil, err
	}
	g := &group{sha256: at.File.SHA256, number: at.Group, first: map[string]int{}}
	err = parquet.Scan(local, at.File.Bytes, Query{Columns: documentColumns, Groups: []int{at.Group}}, func(row Row) error {
		doc, err := documentOf(row)
		if err != nil {
			return err
		}
		if _, ok := g.first[doc.ConversationID]; !ok {
			g.first[doc.ConversationID] = len(g.docs)
		}
		g.docs = append(g.docs, doc)
		g.bytes += int64(len(doc.Body))
		return ctx.Err()
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%s: %w: %s", at.File.Key, ErrDamaged, redact.Text(err.Error()))
	}
	x.groups = slices.Insert(x.groups, 0, g)
	total := int64(0)
	for i, g := range x.groups {
		if total += g.bytes; i > 0 && total > extractGroups {
			clear(x.groups[i:])
			x.groups = x.groups[:i]
			break
		}
	}
	return g, nil
}

// local returns a copy of a committed file in scratch, whose content was checked when it was copied.
func (l *Lake) local(ctx context.Context, f ledger.File) (ScratchFile, error) {
	x := l.extracts
	if i := slices.IndexFunc(x.files, func(had localFile) bool { return had.SHA256 == f.SHA256 }); i >= 0 {
		had := x.files[i]
		x.files = slices.Insert(slices.Delete(x.files, i, i+1), 0, had)
		return had.local, nil
	}
	local, err := l.fetch(ctx, f)
	if err != nil {
		return ScratchFile{}, err
	}
	x.files = slices.Insert(x.files, 0, localFile{f, local})
	total := int64(0)
	for i, had := range x.files {
		if total += had.Bytes; i > 0 && (total > extractFiles || i >= mostFiles) {
			for _, old := range x.files[i:] {
				_ = old.local.Close() // always nil
			}
			clear(x.files[i:])
			x.files = x.files[:i]
			break
		}
	}
	return local, nil
}
