// Package parquet writes rows of a table to a Parquet file, and reads such files.
//
// It uses the low-level API of arrow v17 and writes column by column, from the leaves into which a table shreds its rows. It
// guards against flaws of that library, which swallows write errors, panics if a file cannot be started, and closes a sink that
// it does not own. A file is valid only if Close returned no error. The same rows, written by the same build with the same
// options, produce the same bytes.
//
// It must not know where files are kept, or who uses them.
package parquet

import (
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/schema"

	"github.com/chatlake/chatlake/schemas"
)

// createdBy has the form that readers parse to recognize files with known faults.
const createdBy = "chatlake version 1.0.0 (build arrow-go-17.0.0)"

// The key-value metadata of a file.
const (
	keyTable         = "chatlake.table"
	keySchemaVersion = "chatlake.schema_version"
	keyWriter        = "chatlake.writer"
)

const (
	pageBytes       = 1 << 20
	dictionaryBytes = 1 << 20
	allAtOnce       = 1 << 40 // the library must not split our batches, which begin and end with rows
)

func fileMetadata(shape schemas.Shape, writer string) (metadata.KeyValueMetadata, error) {
	kv := metadata.NewKeyValueMetadata()
	for _, pair := range [][2]string{
		{keyTable, shape.Table},
		{keySchemaVersion, strconv.Itoa(schemas.Version)},
		{keyWriter, writer},
	} {
		if err := kv.Append(pair[0], strings.ToValidUTF8(pair[1], "")); err != nil {
			return nil, err
		}
	}
	return kv, nil
}

// properties returns how to store the columns of root. leaves are the leaves of the same table, in the same order.
func properties(root *schema.GroupNode, leaves []schemas.Leaf) *parquet.WriterProperties {
	options := []parquet.WriterProperty{
		parquet.WithCreatedBy(createdBy),
		parquet.WithRootName(root.Name()),
		parquet.WithRootRepetition(parquet.Repetitions.Required), // the library's default, repeated, breaks readers
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithDictionaryDefault(false),
		parquet.WithDictionaryPageSizeLimit(dictionaryBytes),
		parquet.WithDataPageSize(pageBytes),
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithBatchSize(allAtOnce),
	}
	columns := schema.NewSchema(root)
	for i, leaf := range leaves {
		path := columns.Column(i).Path()
		options = append(options,
			parquet.WithDictionaryFor(path, leaf.Dictionary),
			parquet.WithStatsFor(path, leaf.Statistics))
	}
	return parquet.NewWriterProperties(options...)
}
