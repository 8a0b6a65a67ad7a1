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

// stage is the reports of one segment and how far they are.
type stage struct {
	orders []order
	again  cursor
	read   func(*spool, order, []download) error
}

// gather gives back the segment of a stage, or the next cursor where a report had to be ordered first.
func (a *account) gather(ctx context.Context, st stage) (*segment, providers.Cursor, error) {
	c := st.again
	if len(c.ids) > len(st.orders) {
		return nil, "", rest.Malformed(opList, providers.ErrCursor)
	}
	if i := c.hole(len(st.orders)); i < len(st.orders) {
		if c.position > 0 {
			return nil, "", rest.Malformed(opList, providers.ErrCursor)
		}
		id, err := a.place(ctx, st.orders[i])
		if err != nil {
			return nil, "", err
		}
		next := c.with(i, id).text()
		if len(next) > maxCursor {
			return nil, "", rest.Malformed("order "+st.orders[i].op(), errors.New("the ids of the reports are too long to be kept"))
		}
		return nil, next, nil
	}
	failed, cause := -1, error(nil)
	s, err := a.segments.get(ctx, strings.Join(c.ids, ","), func() (*segment, error) {
		s, i, err := a.fill(ctx, st, c.ids)
		if errors.Is(err, errFailed) || errors.Is(err, errArchive) {
			failed, cause = i, err
		}
		return s, err
	})
	if failed < 0 {
		return s, "", err
	}
	if c.again++; c.again > maxAgain {
		return nil, "", &providers.Error{Kind: providers.Failed, Op: st.orders[failed].op(), Err: fmt.Errorf("%w; %d reports of this window failed", reason(cause), c.again)}
	}
	c.position = 0
	return nil, c.with(failed, "").text(), nil
}

// reason is why a report failed, without what was being done.
func reason(err error) error {
	if errors.Is(err, errArchive) {
		return errArchive
	}
	return errFailed
}

// fill brings the reports of a segment together, each from the shelf or the platform. All are ready before one is downloaded, and
// each is kept by itself: one that cannot be had does not make the others be downloaded again. A report that failed is given
// back by its place.
func (a *account) fill(ctx context.Context, st stage, ids []string) (*segment, int, error) {
	for i, o := range st.orders {
		if a.shelf.has(ids[i]) {
			continue
		}
		if _, err := a.links(ctx, o, ids[i]); err != nil {
			return nil, i, err
		}
	}
	spools := make([]*spool, len(ids))
	for i, o := range st.orders {
		var err error
		spools[i], err = a.shelf.get(ctx, ids[i], func() (*spool, error) { return a.report(ctx, o, ids[i], st.read) })
		if err != nil {
			return nil, i, err
		}
	}
	return merge(st.orders, spools), 0, nil
}

// readings is how often a report is downloaded at once when its files cannot be read.
const readings = 3

// report downloads a report and reads it. One that was spoiled on its way is downloaded again at once.
func (a *account) report(ctx context.Context, o order, id string, read func(*spool, order, []download) error) (*spool, error) {
	for reading := 1; ; reading++ {
		s, err := a.readOnce(ctx, o, id, read)
		spoiled := errors.Is(err, errArchive) || errors.Is(err, errTable)
		if spoiled || err == nil {
			a.orders.drop(id)
		}
		if !spoiled || reading == readings {
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
		_ = s.file.Close() // nothing of it counts
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

// maxDownload is the cap of one report's files as they come, packed.
const maxDownload = 512 << 20

// download is one file of a report, as it came.
type download struct {
	file providers.File
	size int64
}

func closeAll(files []download) {
	for _, f := range files {
		_ = f.file.Close() // it was read, or is worth nothing
	}
}

// files downloads a report. Links that have expired are asked for anew. The caller closes the files, after an error too.
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
		a.orders.drop(id)
	}
}

// downloads follows links. That one has expired is an error only the last time.
func (a *account) downloads(ctx context.Context, op string, links []string, last bool) (files []download, expired bool, err error) {
	left := a.packed
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
			return files, false, &providers.Error{Kind: providers.Transient, Op: op, Status: status, After: answer.After, Err: errors.New("the file cannot be had now")}
		default:
			return files, false, &providers.Error{Kind: providers.Malformed, Op: op, Status: status, Err: errors.New("the file cannot be had")}
		}
	}
	return files, false, nil
}
