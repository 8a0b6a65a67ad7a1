package lake

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/parquet"
	"github.com/chatlake/chatlake/schemas"
)

// publish checks that temp has the content of f and uploads it.
func (s *Seal) publish(temp *os.File, f ledger.File) error {
	if err := s.check(temp, f); err != nil {
		return fmt.Errorf("check %s: %w", f.Key, err)
	}
	switch found, err := s.store.Stat(s.ctx, f.Key); {
	case err == nil && found.Bytes == f.Bytes && s.now().Sub(found.ModifiedAt) < ledger.ReuseWithin:
		return nil
	case err != nil && !errors.Is(err, ledger.ErrNotExist):
		return fmt.Errorf("stat %s: %w", f.Key, err)
	}
	if _, err := temp.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read %s: %w", f.Key, err)
	}
	if err := s.store.Put(s.ctx, f.Key, temp, f.Bytes, false); err != nil {
		return fmt.Errorf("put %s: %w", f.Key, err)
	}
	return nil
}

// check reads temp back. It must have the bytes that were written and be a Parquet file with the rows that were added.
func (s *Seal) check(temp *os.File, f ledger.File) error {
	sum := sha256.New()
	size, err := io.Copy(sum, io.NewSectionReader(temp, 0, f.Bytes+1))
	if err != nil {
		return err
	}
	if digest := fmt.Sprintf("%x", sum.Sum(nil)); size != f.Bytes || digest != f.SHA256 {
		return fmt.Errorf("%d bytes with digest %s on disk, expected %d bytes with digest %s", size, digest, f.Bytes, f.SHA256)
	}
	got, err := parquet.Inspect(temp, size)
	if err != nil {
		return err
	}
	want := parquet.Info{Table: f.Table, SchemaVersion: schemas.Version, Writer: s.writer, Rows: f.Rows, RowGroups: f.RowGroups}
	if got != want {
		return fmt.Errorf("the footer has %+v, expected %+v", got, want)
	}
	return nil
}
