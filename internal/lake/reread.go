package lake

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/parquet"
	"github.com/chatlake/chatlake/internal/redact"
	"github.com/chatlake/chatlake/schemas"
)

// ErrDamaged means that a file of a record is missing or has other content.
var ErrDamaged = errors.New("a committed file is damaged")

// Documents reads the documents of a committed record, in the order in which they were sealed: the documents of a conversation
// are consecutive. It keeps one row group in memory and one file in scratch. Its errors are those of Rows.
func (l *Lake) Documents(ctx context.Context, r ledger.Record) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for row, err := range l.Rows(ctx, r, schemas.Documents.Table, documentColumns...) {
			doc := schemas.Document{}
			if err == nil {
				doc, err = documentOf(row)
			}
			if !yield(doc, err) || err != nil {
				return
			}
		}
	}
}

// documentColumns are the columns that documentOf needs.
var documentColumns = []string{"conversation_id", "kind", "sequence", "status", "observed_at", "body", "body_text"}

// documentOf returns the document of a row with the columns documentColumns.
func documentOf(row Row) (schemas.Document, error) {
	doc := schemas.Document{
		ConversationID: row.Cells[0].Text, Kind: row.Cells[1].Text, Sequence: row.Cells[2].Integer, Status: row.Cells[3].Integer,
		ObservedAt: time.UnixMicro(row.Cells[4].Integer).UTC(),
	}
	var err error
	if doc.Body, err = bodyOf(row.Cells[5], row.Cells[6]); err != nil {
		return schemas.Document{}, fmt.Errorf("document %s %d of conversation %q: %w", doc.Kind, doc.Sequence, doc.ConversationID, err)
	}
	return doc, nil
}

// bodyOf returns the bytes of a document from its columns body and body_text. Of the same bytes, files of version 1 have only body,
// files of version 2 have one of them, and early files of version 2 have both.
func bodyOf(body, text parquet.Cell) ([]byte, error) {
	switch {
	case !text.Null:
		return []byte(text.Text), nil
	case !body.Null:
		return []byte(body.Text), nil
	}
	return nil, fmt.Errorf("body and body_text are null: %w", ErrDamaged)
}

// Rows reads columns of one table of a committed record, in the order in which the rows were sealed. It returns ErrDamaged if a
// file is missing or has other content. Other errors are the store's.
func (l *Lake) Rows(ctx context.Context, r ledger.Record, table string, columns ...string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for _, f := range r.Files {
			if f.Table != table {
				continue
			}
			if err := l.scanFile(ctx, f, columns, func(row Row) bool { return yield(row, nil) }); err != nil {
				if !errors.Is(err, errConsumerStopped) {
					yield(Row{}, err)
				}
				return
			}
		}
	}
}

// errConsumerStopped ends a scan whose consumer has stopped.
var errConsumerStopped = errors.New("the consumer has stopped")

func (l *Lake) scanFile(ctx context.Context, f ledger.File, columns []string, yield func(Row) bool) error {
	local, err := l.fetch(ctx, f)
	if err != nil {
		return err
	}
	defer local.Close()
	left := false
	err = parquet.Scan(local, f.Bytes, Query{Columns: columns}, func(row Row) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if left = !yield(row); left {
			return errConsumerStopped
		}
		return nil
	})
	switch {
	case left:
		return errConsumerStopped
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%s: %w: %s", f.Key, ErrDamaged, redact.Text(err.Error()))
	}
	return nil
}

// fetch copies a file of a record into scratch and checks its content.
func (l *Lake) fetch(ctx context.Context, f ledger.File) (_ ScratchFile, err error) {
	body, err := l.Store().Get(ctx, f.Key, 0, -1)
	if errors.Is(err, ledger.ErrNotExist) {
		return ScratchFile{}, fmt.Errorf("%s is missing: %w", f.Key, ErrDamaged)
	}
	if err != nil {
		return ScratchFile{}, fmt.Errorf("read %s: %w", f.Key, err)
	}
	defer body.Close()
	local, err := NewScratchFile(l.scratch)
	if err != nil {
		return ScratchFile{}, err
	}
	defer func() {
		if err != nil {
			_ = local.Close()
		}
	}()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(local, sum), contextReader{ctx, body})
	if err != nil {
		return ScratchFile{}, fmt.Errorf("read %s: %w", f.Key, err)
	}
	if n != f.Bytes || fmt.Sprintf("%x", sum.Sum(nil)) != f.SHA256 {
		return ScratchFile{}, fmt.Errorf("%s does not have the content that was written: %w", f.Key, ErrDamaged)
	}
	return local, nil
}
