# Creates the bucket named by the first argument if it does not exist. Safe to run again.
set -eu

if aws s3api head-bucket --bucket "$1" >/dev/null 2>&1; then
	exit 0
fi
aws s3api create-bucket --bucket "$1"
