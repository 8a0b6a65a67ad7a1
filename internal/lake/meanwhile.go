package lake

import (
	"context"
	"iter"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// Meanwhile yields what shards of changes have of the conversations that were created in a window, as far as the shards were made while the
// window was: they were opened before it was committed, and it was made without them in the lake.
func (k *Known) Meanwhile(ctx context.Context, w schemas.Window, opened, committed time.Time) iter.Seq2[Version, error] {
	return func(yield func(Version, error) bool) {
		from, to := w.From.UnixMicro(), w.To.UnixMicro()
		for _, r := range k.records {
			if len(r.files) == 0 || !r.shard.Stream.IsByChange() || r.opened.After(committed) || ledger.Saw(opened, r.committed) {
				continue
			}
			var found []entry // its index may be dropped meanwhile
			x, err := k.lake.indexOf(ctx, r)
			if err == nil {
				err = x.all(func(_ int, e entry) error {
					if e.Flags&hasCreated != 0 && from <= e.Created && e.Created < to {
						found = append(found, e)
					}
					return nil
				})
			}
			for _, e := range found {
				var v Version
				if err == nil {
					v, err = r.version(x, e)
				}
				if !yield(v, err) || err != nil {
					return
				}
			}
			if err != nil {
				yield(Version{}, err)
				return
			}
		}
	}
}
