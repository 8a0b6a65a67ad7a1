package worker

import (
	"os"
	"path/filepath"
	"testing"
)

// The schema does not depend on the working directory.
func TestSchemaInAnyFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "100% sure #1?")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(folder)
	if schema, _ := compile(); schema == nil {
		t.Error("no schema")
	}
}
