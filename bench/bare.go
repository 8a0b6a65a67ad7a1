package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/chatwoot"
	"github.com/chatlake/chatlake/schemas"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
)

// bare is the configuration of the bare loop's process.
type bare struct {
	World    World   `json:"world"`
	Account  Account `json:"account"`
	URL      string  `json:"url"`
	Budget   float64 `json:"budget"`
	Folder   string  `json:"folder"`
	Parallel int     `json:"parallel"`
}

// bareFiles is the file in which the bare loop lists the files that it wrote.
const bareFiles = "files.json"

// bareMain is the bare loop, the least work that gives the same rows: the same requests by the same client, with the same
// concurrency, and the same Parquet writer. Nothing survives a crash.
func bareMain(ctx context.Context, config string) error {
	var b bare
	if err := json.Unmarshal([]byte(config), &b); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	login := b.Account.provided(b.URL)
	login.Token = fake.AdministratorToken
	reader, err := chatwoot.Definition.Open(login)
	if err != nil {
		return err
	}
	mapper, err := chatwoot.Definition.Mapper(providers.Settings{Options: login.Options})
	if err != nil {
		return err
	}
	l, err := lake.Open(ctx, ledger.Config{URL: "file:" + filepath.Join(b.Folder, "lake")}, lake.Config{Scratch: filepath.Join(b.Folder, "scratch"), Writer: "bare"})
	if err != nil {
		return err
	}
	loop := &bareLoop{bare: b, reader: reader, mapper: mapper, lake: l, free: make(chan struct{}, b.Parallel)}
	files, err := loop.run(providers.WithMeter(ctx, providers.NewMeter(providers.Lease{RequestsPerSecond: b.Budget})))
	if err != nil {
		return err
	}
	text, err := json.Marshal(files)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.Folder, bareFiles), text, 0o644)
}

type bareLoop struct {
	bare
	reader providers.Reader
	mapper providers.Mapper
	lake   *lake.Lake
	free   chan struct{} // has one element for each conversation in flight
}

// windowsAtOnce is how many windows are copied concurrently, in addition to the directory.
const windowsAtOnce = 2

func (b *bareLoop) shard(stream schemas.Stream, w schemas.Window) ledger.Shard {
	return ledger.Shard{Provider: "chatwoot", Account: account, Stream: stream, Window: w}
}

func (b *bareLoop) run(ctx context.Context) ([]ledger.File, error) {
	windows := b.World.window().Cut(b.Account.window())
	written := make([][]ledger.File, len(windows)+1)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(windowsAtOnce + 1)
	group.Go(func() (err error) {
		written[len(windows)], err = b.directory(ctx)
		return err
	})
	for i, window := range windows {
		group.Go(func() (err error) {
			written[i], err = b.window(ctx, window)
			return err
		})
	}
	err := group.Wait()
	return slices.Concat(written...), err
}

// directory copies everything except conversations.
func (b *bareLoop) directory(ctx context.Context) ([]ledger.File, error) {
	from := time.Now().UTC().Truncate(24 * time.Hour)
	seal, err := b.lake.Seal(ctx, b.shard("directory", schemas.Window{From: from, To: from.Add(24 * time.Hour)}))
	if err != nil {
		return nil, err
	}
	defer seal.Discard()
	directory, mapper := b.reader.(providers.Directory), b.mapper.(providers.SnapshotMapper)
	err = insist(func(at providers.Cursor) iter.Seq2[providers.Page, error] { return directory.Directory(ctx, at) }, func(page providers.Page) error {
		for _, doc := range page.Documents {
			rows, err := mapper.Snapshot(doc)
			if err == nil {
				err = seal.Snapshot(rows)
			}
			if err == nil {
				err = seal.Document(doc)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return seal.Close(ctx)
}

// tries is how often in a row the loop sends the same request.
const tries = 5

// insist reads all pages; after an error it continues from the last page.
func insist(walk func(providers.Cursor) iter.Seq2[providers.Page, error], each func(providers.Page) error) error {
	var at providers.Cursor
	for failures := 0; ; {
		var broken error
		for page, err := range walk(at) {
			if broken = err; err != nil {
				break
			}
			if err := each(page); err != nil {
				return err
			}
			at, failures = page.Next, 0
		}
		if failures++; broken == nil || failures == tries {
			return broken
		}
	}
}

// turn is one conversation in flight, in the order of the list.
type turn chan []schemas.Document

// window copies the conversations of one window. It lists a page while it fetches the previous ones, and seals what is fetched in
// the order of the list.
func (b *bareLoop) window(ctx context.Context, window schemas.Window) ([]ledger.File, error) {
	seal, err := b.lake.Seal(ctx, b.shard("created", window))
	if err != nil {
		return nil, err
	}
	defer seal.Discard()
	group, ctx := errgroup.WithContext(ctx)
	turns := make(chan turn, 4*b.Parallel)
	group.Go(func() error {
		defer close(turns)
		return b.list(ctx, window, turns)
	})
	group.Go(func() error {
		for t := range turns {
			select {
			case docs := <-t:
				if err := b.press(seal, docs); err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return seal.Close(context.WithoutCancel(ctx))
}

func (b *bareLoop) list(ctx context.Context, window schemas.Window, turns chan<- turn) error {
	fetchers, ctx := errgroup.WithContext(ctx)
	fetchers.SetLimit(b.Parallel)
	walk := func(at providers.Cursor) iter.Seq2[providers.Page, error] {
		return b.reader.Conversations(ctx, window, at)
	}
	err := insist(walk, func(page providers.Page) error {
		for i, ref := range page.Refs {
			t := make(turn, 1)
			select {
			case turns <- t:
			case <-ctx.Done():
				return ctx.Err()
			}
			fetchers.Go(func() error {
				b.free <- struct{}{}
				defer func() { <-b.free }()
				docs, err := b.fetch(ctx, ref, page.Documents[i])
				for range tries {
					if err == nil || ctx.Err() != nil {
						break
					}
					docs, err = b.fetch(ctx, ref, page.Documents[i])
				}
				t <- docs
				return err
			})
		}
		return nil
	})
	if failed := fetchers.Wait(); failed != nil {
		return failed // it may have ended the walk
	}
	return err
}

func (b *bareLoop) fetch(ctx context.Context, ref providers.Ref, listed schemas.Document) ([]schemas.Document, error) {
	docs := []schemas.Document{listed}
	refs := []providers.Ref{ref}
	for _, lane := range []iter.Seq2[schemas.Document, error]{b.reader.Messages(ctx, refs), b.reader.Metadata(ctx, refs)} {
		for doc, err := range lane {
			if err != nil {
				return nil, err
			}
			docs = append(docs, doc)
		}
	}
	return docs, nil
}

// press writes the rows of one conversation. An error of its fetch ends the loop elsewhere.
func (b *bareLoop) press(seal *lake.Seal, docs []schemas.Document) error {
	if docs == nil {
		return nil
	}
	thread, err := b.mapper.Thread(docs)
	if err == nil {
		thread.Conversation.StoredMessages = int64(len(thread.Messages))
		thread.Conversation.ContentSHA256, err = thread.Digest()
	}
	if err == nil {
		err = seal.Thread(thread)
	}
	for _, doc := range docs {
		if err == nil {
			err = seal.Document(doc)
		}
	}
	return err
}
