package freshchat

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
)

// zipped returns an archive; files are names and contents in turn.
func zipped(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i+1 < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err == nil {
			_, err = f.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readBytes(body []byte, limit int64, yield func(record) error) error {
	return readTable(bytes.NewReader(body), int64(len(body)), columnConversation, &limit, yield)
}

func rowsOf(body []byte, limit int64) ([]string, error) {
	rows := []string{}
	err := readBytes(body, limit, func(r record) error {
		rows = append(rows, r.get(columnConversation, columnInteraction)+"|"+r.get("label_sub_category_name", "value"))
		return nil
	})
	return rows, err
}

func TestReadTable(t *testing.T) {
	const plain = "conversation_id,value\nc1,1\nc2,2\n"
	tests := []struct {
		name string
		body []byte
		want []string
		err  error
	}{
		{"nothing", nil, nil, nil},
		{"blanks", []byte("\ufeff\n \n"), nil, nil},
		{"CSV", []byte(plain), []string{"c1|1", "c2|2"}, nil},
		{"CSV with a mark and CRLF", []byte("\ufeffConversation_ID,VALUE\r\nc1,1\r\n"), []string{"c1|1"}, nil},
		{"other order and blanks in names", []byte("Value, Conversation ID \n1,c1\n"), []string{"c1|1"}, nil},
		{"the other name of the conversation", []byte("interaction_id,value\nc1,1\n"), []string{"c1|1"}, nil},
		{"misspelt", []byte("conversation_id,abel_sub_category_name\nc1,refund\n"), []string{"c1|refund"}, nil},
		{"header only", []byte("conversation_id,value\n"), nil, nil},
		{"ZIP", zipped(t, "a.csv", plain), []string{"c1|1", "c2|2"}, nil},
		{"ZIP of several files, other headers", zipped(t, "a.csv", plain, "dir/", "", "b.csv", "VALUE,CONVERSATION_ID\n3,c3\n"), []string{"c1|1", "c2|2", "c3|3"}, nil},
		{"header repeated within a file", []byte(plain + "VALUE,conversation_id\n" + plain + "c9,9\n"), []string{"c1|1", "c2|2", "c1|1", "c2|2", "c9|9"}, nil},
		{"empty ZIP", zipped(t), nil, nil},
		{"ZIP of an empty file and a header", zipped(t, "a.csv", "", "b.csv", "conversation_id\n"), nil, nil},
		{"gzip", gzipped(t, plain), []string{"c1|1", "c2|2"}, nil},
		{"short and long rows", []byte("conversation_id,value\nc1\nc2,2,3\n"), []string{"c1|", "c2|2"}, nil},
		{"quotes in the middle", []byte("conversation_id,value\nc1,say \"hi\"\n"), []string{"c1|say \"hi\""}, nil},
		{"lines within a cell", []byte("conversation_id,value\nc1,\"a\nb\"\n"), []string{"c1|a\nb"}, nil},
		{"a web page", []byte("<html>body-marker"), nil, errTable},
		{"JSON", []byte(`{"error":"body-marker"}`), nil, errTable},
		{"a broken ZIP", []byte("PK\x03\x04body-marker"), nil, errArchive},
		{"a cut ZIP", zipped(t, "a.csv", plain)[:40], nil, errArchive},
		{"a broken gzip", []byte("\x1f\x8bbody-marker"), nil, errArchive},
		{"too large", zipped(t, "a.csv", plain+strings.Repeat("c3,3\n", 1000)), nil, errUnpacked},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := rowsOf(tt.body, 1000)
			if !errors.Is(err, tt.err) || err != nil && strings.Contains(err.Error(), "marker") {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(append([]string{}, tt.want...), got); err == nil && diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

// A row keeps all columns as sent, in their order.
func TestRecordJSON(t *testing.T) {
	var got []string
	err := readBytes([]byte("Conversation_ID,abel_sub_category_name,value\nc1,\"ä \"\"q\"\" <b>\",,more\n"), 1000, func(r record) error {
		got = append(got, string(r.json(nil)))
		return nil
	})
	want := []string{`{"Conversation_ID":"c1","abel_sub_category_name":"ä \"q\" <b>","value":"","column_4":"more"}`}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func FuzzReadTable(f *testing.F) {
	f.Add(providertest.Sample(f, "Chat-Transcript.csv"))
	f.Add(zipped(f, "a.csv", string(providertest.Sample(f, "Chat-Transcript.csv")), "b.csv", "conversation_id\nx"))
	f.Add(gzipped(f, "conversation_id,\"a\"\n\"b\""))
	f.Add([]byte("conversation_id,conversation_id\n1,2,3\n,\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		err := readBytes(body, 1<<16, func(r record) error {
			if row := r.json(nil); !json.Valid(row) {
				t.Errorf("the row %q is not JSON", row)
			}
			return nil
		})
		if err != nil && !errors.Is(err, errTable) && !errors.Is(err, errArchive) && !errors.Is(err, errUnpacked) && !errors.Is(err, errRecord) {
			t.Errorf("the error is %v", err)
		}
	})
}

func FuzzCursor(f *testing.F) {
	for _, at := range []string{"", "r0.0.0.", "r1.2.300.", "r0.0.0.!,~am9iLTE", "r0.0.0.EJRoEuZ1TU-kL9vLWMEnJw", "u1700000000.d3", "x1700000000.100", "users:3", "agents:1", "r00.0.0."} {
		f.Add(at)
	}
	f.Fuzz(func(t *testing.T, at string) {
		if c, err := parseCursor(providers.Cursor(at)); err == nil && at != "" && string(c.text()) != at {
			t.Errorf("the cursor %q is accepted", at)
		}
		if s, err := parseUserWalk(providers.Cursor(at)); err == nil && string(s.text()) != at {
			t.Errorf("the cursor %q is accepted", at)
		}
		if index, page, err := parseStep(providers.Cursor(at)); err == nil && at != "" && fmt.Sprintf("%s:%d", parts[index].kind, page) != at {
			t.Errorf("the cursor %q is accepted", at)
		}
	})
}

func FuzzPack(f *testing.F) {
	for _, id := range []string{"10946812-e675-4d4f-a42f-dbcb58c12727", "10946812-E675-4d4f-a42f-dbcb58c12727", "job-1", "", "a,b.c"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		packed := pack(id)
		if got, ok := unpack(packed); !ok || got != id || strings.ContainsAny(packed, ",. ") {
			t.Errorf("%q was packed as %q and unpacked as %q", id, packed, got)
		}
	})
}
