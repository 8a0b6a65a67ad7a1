package liveperson

import (
	"cmp"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/schemas"
)

func (s *Site) messageRows(f facts, truth *schemas.Thread) {
	all := slices.Clone(f.messages)
	slices.SortStableFunc(all, func(a, b said) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq)) })
	for i, m := range all {
		row := s.messageRow(f, m)
		row.Sequence = int64(i)
		s.partRows(f, m, &row, truth)
		truth.Messages = append(truth.Messages, row)
	}
}

func (s *Site) messageRow(f facts, m said) schemas.Message {
	row := schemas.Message{
		ConversationID: f.UUID, MessageID: m.id, CreatedAt: at(m.at), AuthorID: known(m.author), Kind: "message", IsPrivate: m.private,
		ContentType: word(kindOf(m)), Direction: word("out"), AuthorType: word("agent"),
		Attributes: pairs("seq", strconv.Itoa(m.seq), "audience", "ALL", "source", f.source(s), "device", "DESKTOP", "dialogId", m.dialog),
	}
	for _, a := range f.agents {
		if a.id == m.author {
			row.AuthorType, row.AuthorName = word(participantTypes[a.userType]), known(a.name)
		}
	}
	if m.author == consumerID(f.PersonID) {
		_, _, name := f.consumerNames()
		row.AuthorType, row.AuthorName, row.Direction = word("contact"), known(name), word("in")
	}
	if m.private {
		row.Kind, row.Direction, row.Attributes["audience"] = "note", word("none"), word("AGENTS_AND_MANAGERS")
	}
	if m.author == systemUser {
		row.Kind = "template"
	}
	if m.Author.Kind == 3 { // a bot
		row.Attributes["contextData"] = word(`{"structuredMetadata":[{"botResponse":{"intents":[{"confidenceScore":0.91,"id":"x"}]}}]}`)
	}
	if len(m.statuses) > 0 {
		row.DeliveryStatus = word(m.statuses[0].name)
	}
	return row
}

// plain is the plain text of HTML in the form that this world writes.
func plain(page string) string {
	page = regexp.MustCompile(`<script>.*?</script>`).ReplaceAllString(page, "")
	page = regexp.MustCompile(`</?(p|br|blockquote)>`).ReplaceAllString(strings.ReplaceAll(page, "\n", " "), "\n")
	page = html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, ""))
	var lines []string
	for line := range strings.SplitSeq(page, "\n") {
		if words := strings.Fields(line); len(words) > 0 {
			lines = append(lines, strings.Join(words, " "))
		}
	}
	return strings.Join(lines, "\n")
}

// reads adds a line to the visible text of a message.
func reads(row *schemas.Message, line string) {
	switch {
	case line == "":
	case row.Text == nil:
		row.Text = &line
	default:
		row.Text = word(*row.Text + "\n" + line)
	}
}

// partRows adds the parts of a message and its files.
func (s *Site) partRows(f facts, m said, row *schemas.Message, truth *schemas.Thread) {
	if t := textOf(m); t != nil && *t != "" {
		read := *t
		if m.Mail != nil && row.ContentType != nil && strings.HasSuffix(strings.ToLower(*row.ContentType), "html") {
			row.HTML, read = t, plain(*t)
		}
		reads(row, read)
		row.Parts = append(row.Parts, schemas.Part{Type: "text", Text: word(read)})
	}
	attach := func(kind, url, fileType string, attributes map[string]*string, label string) {
		truth.Attachments = append(truth.Attachments, schemas.Attachment{
			ConversationID: f.UUID, AttachmentID: fmt.Sprintf("%s/%d", m.id, len(row.Parts)), MessageID: &row.MessageID, Kind: kind,
			ContentType: known(fileType), URL: word(url), CreatedAt: row.CreatedAt, Attributes: attributes,
		})
		row.Parts = append(row.Parts, schemas.Part{Type: kind, URL: word(url), ContentType: known(fileType), Label: word(label)})
		reads(row, label)
	}
	if len(m.Files) > 0 {
		url, fileType := s.file(m.Files[0])
		kind := map[string]string{"JPG": "image", "PNG": "image", "OGG": "audio", "MP3": "audio", "MP4": "video"}[fileType]
		more := map[string]*string{"preview": word("aGk=")}
		if m.Files[0].Title != "" {
			more["caption"] = word(m.Files[0].Title)
		}
		attach(cmp.Or(kind, "file"), url, fileType, more, m.Files[0].Title)
	}
	if len(m.Files) > 1 {
		url, fileType := linked(m.Files[1]), m.Files[1].MediaType
		kind, _, _ := strings.Cut(fileType, "/")
		if kind != "image" && kind != "audio" && kind != "video" {
			kind = "file"
		}
		attach(kind, url, fileType, nil, "")
	}
	switch m.ContentType {
	case "select":
		m.itemPart(row, "quick_reply")
	case "cards", "article":
		m.itemPart(row, "template")
	case "form":
		row.Parts = append(row.Parts, schemas.Part{Type: "form", Label: word(m.Items[0].Title),
			Payload: word(text(obj{"formId": "f-1", "formName": m.Items[0].Title, "invitationId": "i-1"}))})
	}
}

// itemPart adds the items of a message as one part; their titles and texts are visible.
func (m said) itemPart(row *schemas.Message, kind string) {
	var read []string
	for _, i := range m.Items {
		for _, line := range []string{i.Title, i.Value} {
			if line != "" {
				read = append(read, line)
			}
		}
	}
	words := strings.Join(read, "\n")
	row.Parts = append(row.Parts, schemas.Part{Type: kind, Text: word(words), Payload: word(rich(m))})
	reads(row, words)
}
