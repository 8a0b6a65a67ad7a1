package providers

import (
	"context"
	"math"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// Sampler is a Reader that estimates how many conversations windows have, because the platform does not count them.
type Sampler interface {
	// Sample estimates the conversations of consecutive windows with about so many requests, oldest first. It may wait for the platform
	// as long as ctx lives.
	Sample(ctx context.Context, windows []schemas.Window, requests int) (Sample, error)
}

// Sample is what a Sampler has found.
type Sample struct {
	// Windows are the conversations of each window that was asked for, as far as they are known.
	Windows []float64
	// Total is the number of conversations of all windows.
	Total Figure
	// Since is the time from which conversations are known, if the requests did not suffice to look further back; else zero.
	Since time.Time
	// Walk is what it takes to find all conversations, if each process must do that before it can list its first window; else 0.
	Walk float64
	// Refs are some of the conversations, spread over the windows. No list has shown them: Ref.Unlisted is set.
	Refs []Ref
	// How says in words what was counted: "rows of 3 reports".
	How string
}

// Figure is a number that is at least Least and at most Most, as far as a sample tells. All three are equal if it was counted.
type Figure struct {
	About float64 `json:"about"`
	Least float64 `json:"least"`
	Most  float64 `json:"most"`
}

// Exactly returns the figure of a number that was counted.
func Exactly(n float64) Figure { return Figure{n, n, n} }

// Plus returns the sum of two figures.
func (f Figure) Plus(g Figure) Figure {
	return Figure{f.About + g.About, f.Least + g.Least, f.Most + g.Most}
}

// Times returns the product of two figures that are not negative.
func (f Figure) Times(g Figure) Figure {
	return Figure{f.About * g.About, f.Least * g.Least, f.Most * g.Most}
}

// MeanOf returns the mean of a sample, and between which numbers the mean of all is, which a sample misses once in twenty times.
func MeanOf(sample []float64) Figure {
	n := float64(len(sample))
	if n == 0 {
		return Figure{}
	}
	sum, squares := 0.0, 0.0
	for _, x := range sample {
		sum += x
	}
	mean := sum / n
	for _, x := range sample {
		squares += (x - mean) * (x - mean)
	}
	const deviations = 2
	off := deviations * math.Sqrt(squares/max(1, n-1)/n)
	return Figure{mean, max(0, mean-off), mean + off}
}

// Sizer is a Reader that can say what the size of the account adds to its Prices.
type Sizer interface {
	Size(ctx context.Context) (Size, error)
}

// Size is what the size of an account adds to its Prices.
type Size struct {
	// Directory is the number of requests of a snapshot of the directory besides Prices.Directory.
	Directory float64
	// Open is the number of conversations that are open, if a sync costs more the more there are. AtLeast means that there are more.
	Open    int64
	AtLeast bool
}
