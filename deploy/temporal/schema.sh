# Creates Temporal's databases if they do not exist, and updates their schemas. Safe to run again.
set -eu

for pair in temporal:temporal temporal_visibility:visibility; do
	database=${pair%%:*}
	schema=postgresql/v12/${pair##*:}
	temporal-sql-tool --db "$database" create-database
	temporal-sql-tool --db "$database" setup-schema --version 0.0
	temporal-sql-tool --db "$database" update-schema --schema-name "$schema"
done
