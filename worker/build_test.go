package worker

import "testing"

func TestBuildsAreToldApart(t *testing.T) {
	was := Build
	t.Cleanup(func() { Build = was })
	Build = "1.2.3"
	if name := buildName(); name != "1.2.3" {
		t.Errorf("a release is called %q", name)
	}
	Build = "dev"
	if name := buildName(); name == "" || name == "dev" || name != buildName() {
		t.Errorf("a build without a version is called %q", name)
	}
}
