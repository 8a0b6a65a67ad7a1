// Package tests tests chatlake from the outside: the compose file as Docker Compose reads it, and complete runs of the
// built binary, with the resulting lake read by DuckDB. It is a separate module, so that its dependencies stay out of the
// product.
package tests
