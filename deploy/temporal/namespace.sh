# Registers the namespace that chatlake uses, which keeps closed workflows for 30 days. Safe to run again.
set -eu

if temporal operator namespace describe --namespace default >/dev/null 2>&1; then
	exit 0
fi
temporal operator namespace create --namespace default --retention 720h
