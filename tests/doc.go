// Package tests looks at chatlake from the outside: the compose file as Docker Compose reads it, and whole runs of the
// built binary whose lake is read back with DuckDB. It is a module of its own, so that what it needs stays out of the
// product.
package tests
