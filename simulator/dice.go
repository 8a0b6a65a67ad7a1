package simulator

import "math/bits"

// dice is a sequence of random numbers (SplitMix64). Starting one costs nothing, so every part of the world can have its
// own.
type dice uint64

// The parts of the world that have their own dice.
const (
	streamDays uint64 = iota + 1
	streamOutline
	streamCount
	streamTimes
	streamDetails
	streamMessage
	streamMessageID
	streamPerson
	streamStaff
	streamFaults
	streamStale
	streamScript
	streamEvent
	streamCourier
)

func (c *Corpus) dice(stream uint64, a, b int) dice { return newDice(c.config.Seed, stream, a, b) }

func newDice(seed, stream uint64, a, b int) dice {
	d := dice(seed)
	for _, v := range [...]uint64{stream, uint64(a), uint64(b)} {
		d = dice(d.next() ^ v*0xd1342543de82ef95)
	}
	return d
}

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below is a number in [0, n).
func (d *dice) below(n int) int {
	hi, _ := bits.Mul64(d.next(), uint64(n))
	return int(hi)
}

// between is a number in [low, high].
func (d *dice) between(low, high int) int { return low + d.below(high-low+1) }

// oneIn is true once in n throws.
func (d *dice) oneIn(n int) bool { return d.below(n) == 0 }

// unit is a number in [0, 1).
func (d *dice) unit() float64 { return float64(d.next()>>11) / (1 << 53) }

// weigh throws once for an index; the likelihood of each is proportional to its weight.
func (d *dice) weigh(weights ...int) int {
	total := 0
	for _, w := range weights {
		total += w
	}
	at := d.below(total)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}

func choose[T any](d *dice, of []T) T { return of[d.below(len(of))] }
