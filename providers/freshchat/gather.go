package freshchat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
)

// reportSet are the reports of one segment and their progress.
type reportSet struct {
	orders  []order
	cursor  cursor
	changes bool // it lists changes: an order must come after the end of its window, by the platform's clock
	read    func(*spool, order, []download) error
}

// gather returns the segment of a set of reports. If a report had to be ordered first, it returns the next cursor instead.
func (a *account) gather(ctx context.Context, st reportSet) (*segment, providers.Cursor, error) {
	c := st.cursor
	if len(c.ids) > len(st.orders) {
		return nil, "", rest.Malformed(opList, providers.ErrCursor)
	}
	if i := c.missing(len(st.orders)); i < len(st.orders) {
		if c.position > 0 {
			return nil, "", rest.Malformed(opList, providers.ErrCursor)
		}
		id, err := a.placeOrder(ctx, st.orders[i], st.changes)
		if err != nil {
			return nil, "", err
		}
		next := c.withReport(i, id).text()
		if len(next) > maxCursor {
			return nil, "", rest.Malformed("order "+st.orders[i].op(), errors.New("the ids of the window's reports are too long for a cursor; use smaller windows"))
		}
		return nil, next, nil
	}
	failed, cause := -1, error(nil)
	s, err := a.segmentCache.get(ctx, strings.Join(c.ids, ","), func() (*segment, error) {
		s, i, err := a.loadSegment(ctx, st, c.ids)
		if errors.Is(err, errFailed) || errors.Is(err, errArchive) {
			failed, cause = i, err
		}
		return s, err
	})
	if failed < 0 {
		return s, "", err
	}
	if c.failures++; c.failures > maxFailures {
		return nil, "", &providers.Error{Kind: providers.Failed, Op: st.orders[failed].op(), Err: fmt.Errorf("%w; %d reports of this window failed", reason(cause), c.failures)}
	}
	c.position = 0
	return nil, c.withReport(failed, "").text(), nil
}

// reason returns why a report failed, without the operation.
func reason(err error) error {
	if errors.Is(err, errArchive) {
		return errArchive
	}
	return errFailed
}

// loadSegment merges the reports of a segment, each from the cache or from the platform. It downloads none before all are ready. Each
// report is cached separately, so a failed download does not repeat the others. If a report failed, loadSegment returns its index.
func (a *account) loadSegment(ctx context.Context, st reportSet, ids []string) (*segment, int, error) {
	for i, o := range st.orders {
		if a.reportCache.has(ids[i]) {
			continue
		}
		if _, err := a.links(ctx, o, ids[i]); err != nil {
			return nil, i, err
		}
	}
	spools := make([]*spool, len(ids))
	for i, o := range st.orders {
		var err error
		spools[i], err = a.reportCache.get(ctx, ids[i], func() (*spool, error) { return a.report(ctx, o, ids[i], st.read) })
		if err != nil {
			return nil, i, err
		}
	}
	return merge(st.orders, spools), 0, nil
}

// maxDownloads is how often a report is downloaded, without a pause, if its files cannot be read.
const maxDownloads = 3

// report downloads and reads a report. If the files are damaged, it downloads them again at once.
func (a *account) report(ctx context.Context, o order, id string, read func(*spool, order, []download) error) (*spool, error) {
	for attempt := 1; ; attempt++ {
		s, err := a.readOnce(ctx, o, id, read)
		damaged := errors.Is(err, errArchive) || errors.Is(err, errTable)
		if damaged || err == nil {
			a.linkCache.drop(id)
		}
		if !damaged || attempt == maxDownloads {
			return s, err
		}
	}
}

func (a *account) readOnce(ctx context.Context, o order, id string, read func(*spool, order, []download) error) (*spool, error) {
	op := "read " + o.op()
	files, err := a.files(ctx, o, id)
	defer closeAll(files)
	if err != nil {
		return nil, err
	}
	s := &spool{file: &keptFile{make: a.newFile}}
	if err = read(s, o, files); err == nil {
		err = s.seal()
	}
	if err != nil {
		_ = s.file.Close() // its content is not used
	}
	var local *scratchError
	switch {
	case errors.Is(err, errDense):
		return nil, &providers.Error{Kind: providers.WindowTooDense, Op: op, Err: err}
	case errors.As(err, &local):
		return nil, &providers.Error{Kind: providers.Transient, Op: op, Err: err}
	case err != nil:
		return nil, rest.Malformed(op, err)
	}
	s.at = time.Now().UTC().Truncate(time.Microsecond)
	return s, nil
}

// maxDownload is the largest size of one report's files in bytes, as downloaded.
const maxDownload = 512 << 20

// download is one downloaded file of a report.
type download struct {
	file providers.File
	size int64
}

func closeAll(files []download) {
	for _, f := range files {
		_ = f.file.Close() // it has been read, or is useless
	}
}

// files downloads a report. If links have expired, it requests new ones. The caller closes the files, also after an error.
func (a *account) files(ctx context.Context, o order, id string) ([]download, error) {
	op := "download " + o.op()
	const renewals = 2
	for renewed := 0; ; renewed++ {
		links, err := a.links(ctx, o, id)
		if err != nil {
			return nil, err
		}
		files, expired, err := a.downloads(ctx, op, links, renewed == renewals)
		if err != nil || !expired {
			return files, err
		}
		closeAll(files)
		a.linkCache.drop(id)
	}
}

// downloads downloads the files behind links. An expired link is an error only if last is true.
func (a *account) downloads(ctx context.Context, op string, links []string, last bool) (files []download, expired bool, err error) {
	left := a.maxPacked
	for _, link := range links {
		file, err := a.newFile()
		if err != nil {
			return files, false, &providers.Error{Kind: providers.Transient, Op: op, Err: err}
		}
		files = append(files, download{file: file})
		answer, err := a.http.Download(ctx, op, link, file, left)
		if err != nil {
			return files, false, err
		}
		files[len(files)-1].size = answer.Size
		left -= answer.Size
		switch status := answer.Status; {
		case status == http.StatusOK:
		case !last && slices.Contains([]int{http.StatusForbidden, http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusGone}, status):
			return files, true, nil // an expired link is a 403 (seen in exporters' code)
		case status == http.StatusForbidden || rest.IsGone(status) || status >= 500 || status == http.StatusTooManyRequests:
			return files, false, &providers.Error{Kind: providers.Transient, Op: op, Status: status, After: answer.After, Err: errors.New("the report's file cannot be downloaded now")}
		default:
			return files, false, &providers.Error{Kind: providers.Malformed, Op: op, Status: status, Err: errors.New("the report's file cannot be downloaded")}
		}
	}
	return files, false, nil
}
