package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const module = "github.com/chatlake/chatlake"

// describe is the bill of materials of a binary: the modules that the linker says are in it. It has neither a time nor a random
// number, so that it is the same every time.
func describe(t target, version string, info *debug.BuildInfo, sum string) *cdx.BOM {
	main := cdx.Component{
		BOMRef: purl(module, "v"+version), Type: cdx.ComponentTypeApplication, Name: t.name(version), Version: version, PackageURL: purl(module, "v"+version),
		Hashes:   &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sum}},
		Licenses: &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0"}}},
	}
	standard := strings.TrimPrefix(info.GoVersion, "go")
	parts := []cdx.Component{{BOMRef: purl("std", standard), Type: cdx.ComponentTypeLibrary, Name: "std", Version: standard, PackageURL: purl("std", standard)}}
	for _, dep := range info.Deps {
		if dep.Replace != nil {
			dep = dep.Replace
		}
		url := purl(dep.Path, dep.Version)
		parts = append(parts, cdx.Component{BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: dep.Path, Version: dep.Version, PackageURL: url})
	}
	var refs []string
	for _, part := range parts {
		refs = append(refs, part.BOMRef)
	}
	bom := cdx.NewBOM()
	properties := []cdx.Property{{Name: "chatlake:GOOS", Value: t.os}, {Name: "chatlake:GOARCH", Value: t.arch}}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" || setting.Key == "-tags" {
			properties = append(properties, cdx.Property{Name: "chatlake:" + setting.Key, Value: setting.Value})
		}
	}
	bom.Metadata = &cdx.Metadata{Component: &main, Properties: &properties}
	bom.Components = &parts
	bom.Dependencies = &[]cdx.Dependency{{Ref: main.BOMRef, Dependencies: &refs}}
	return bom
}

// purl is a package URL, in whose version a plus has to be written otherwise.
func purl(path, version string) string {
	return "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
}

// specVersion is the version of CycloneDX in which bills are written.
const specVersion = cdx.SpecVersion1_6

func writeBOM(file string, bom *cdx.BOM, schema *jsonschema.Schema) error {
	var text bytes.Buffer
	if err := cdx.NewBOMEncoder(&text, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, specVersion); err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text.Bytes()))
	if err != nil {
		return err
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("the bill of materials is not valid CycloneDX: %w", err)
	}
	return os.WriteFile(file, text.Bytes(), 0o644)
}

// bomSchema is CycloneDX's own schema, which comes with its library.
func bomSchema() (*jsonschema.Schema, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		return nil, fmt.Errorf("find the schema of CycloneDX: %w", err)
	}
	folder := filepath.Join(strings.TrimSpace(string(dir)), "schema")
	const home = "http://cyclonedx.org/schema/"
	compiler := jsonschema.NewCompiler()
	for name, file := range map[string]string{
		"bom-1.6.schema.json": "bom-1.6.schema.json", "spdx.schema.json": "spdx.schema.json", "jsf-0.82.schema.json": "jsf-0.82.schemax.json",
	} {
		text, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			return nil, err
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if err := compiler.AddResource(home+name, value); err != nil {
			return nil, err
		}
	}
	return compiler.Compile(home + "bom-1.6.schema.json")
}
