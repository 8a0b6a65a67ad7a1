package main

// Parquet compares the files of a lake with those that DuckDB writes of the same rows in the same order.
type Parquet struct {
	Tables []ParquetTable `json:"tables"`
	// Scan is how long DuckDB takes to read every value of the messages in our files, ScanRewritten in its own.
	Scan          float64 `json:"scan_seconds"`
	ScanRewritten float64 `json:"scan_rewritten_seconds"`
}

// ParquetTable is one table of the comparison, in bytes.
type ParquetTable struct {
	Table     string `json:"table"`
	Rows      int64  `json:"rows"`
	Bytes     int64  `json:"bytes"`
	Rewritten int64  `json:"rewritten_bytes"`
}
