// Package simulator generates a made-up world from a seed: the conversations of a support account. It also simulates what
// can go wrong between such an account and its reader. One folder per platform serves the same world in that platform's
// format.
//
// It must not know any platform's format, nor the code that reads it: a fake that shared code with its reader would share
// the reader's mistakes.
package simulator

import (
	"fmt"
	"time"
)

// CorpusConfig says which world to generate. The same configuration gives the same world.
type CorpusConfig struct {
	Seed          uint64
	Conversations int
	// From and To bound the creation of conversations: [From, To), whole seconds, at most 136 years. The zero values are
	// the year 2025.
	From, To time.Time
	People   int // who write to the account; 0 means one per three conversations
	Agents   int // 0 means 12
	// GiantMessages, if not 0, is the number of messages of one conversation in the middle of the corpus.
	GiantMessages int
	// Mark, if not empty, is a word in every text, name, address and attribute of the world, which is otherwise the same. Tests search
	// for it in places where none of these may occur.
	Mark string
}

// Corpus is the world of one account. It is immutable and safe for concurrent use. It generates conversations and people
// on every call and keeps only four bytes per conversation.
type Corpus struct {
	config  CorpusConfig
	created []uint32 // seconds after config.From, ascending
	bases   []int64  // first message id of each block of conversations

	agents   []Agent
	bots     []Bot
	groups   []Group
	channels []Channel
	labels   []Label
	fields   []Field
}

// NewCorpus returns a world. It panics if the configuration makes no sense.
func NewCorpus(config CorpusConfig) *Corpus {
	if config.From.IsZero() && config.To.IsZero() {
		config.From = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
		config.To = config.From.AddDate(1, 0, 0)
	}
	config.From, config.To = config.From.UTC().Truncate(time.Second), config.To.UTC().Truncate(time.Second)
	if config.Conversations < 0 || !config.From.Before(config.To) {
		panic(fmt.Sprintf("simulator: %d conversations from %s to %s", config.Conversations, config.From, config.To))
	}
	if config.People == 0 {
		config.People = config.Conversations/3 + 5
	}
	if config.Agents == 0 {
		config.Agents = 12
	}
	c := &Corpus{config: config}
	c.created = c.calendar()
	c.bases = c.numberMessages()
	c.staff()
	return c
}

// Config is the configuration with its defaults filled in.
func (c *Corpus) Config() CorpusConfig { return c.config }

// Len is the number of conversations.
func (c *Corpus) Len() int { return len(c.created) }

// CreatedAt is when conversation i was created; it never decreases as i grows.
func (c *Corpus) CreatedAt(i int) time.Time { return time.Unix(c.createdUnix(i), 0).UTC() }

func (c *Corpus) createdUnix(i int) int64 { return c.config.From.Unix() + int64(c.created[i]) }

// One running number in hole is skipped, as if the conversation had been deleted.
const hole = 38

// Number is the running number of conversation i.
func Number(i int) int64 { return int64(i + i/(hole-1) + 1) }

// Index is the conversation with a running number; false if there never was one.
func (c *Corpus) Index(number int64) (int, bool) {
	q, r := (number-1)/hole, (number-1)%hole
	i := q*(hole-1) + r
	return int(i), number > 0 && r != hole-1 && i < int64(c.Len())
}

// All conversations share one sequence of message ids. Each block of conversations has a range of it, divided into slices:
// message j of every conversation of the block gets a random id in the j-th slice. So ids ascend within a conversation,
// interleave with those of its neighbours, and have gaps.
const block = 64

func (c *Corpus) numberMessages() []int64 {
	bases := make([]int64, 0, c.Len()/block+2)
	next := int64(10_001)
	for i := 0; i < c.Len(); i += block {
		bases = append(bases, next)
		longest := 0
		for j := i; j < min(i+block, c.Len()); j++ {
			longest = max(longest, c.messageCount(j))
		}
		next += int64(longest) * block
	}
	return append(bases, next)
}

func (c *Corpus) messageID(i, j int) int64 {
	d := c.dice(streamMessageID, i/block, j)
	lane := (i%block*29 + d.below(block)) % block
	return c.bases[i/block] + int64(j)*block + int64(lane)
}

// NextMessageID is greater than the ids of all messages.
func (c *Corpus) NextMessageID() int64 { return c.bases[len(c.bases)-1] }

// NextNumber is greater than the numbers of all conversations.
func (c *Corpus) NextNumber() int64 { return Number(c.Len()) }
