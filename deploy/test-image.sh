#!/usr/bin/env bash
# Builds the last stage of deploy/Dockerfile with a freshly built binary, and runs a demo in it as the image's user and as an
# arbitrary user, as OpenShift does. It pulls nothing. If no container engine is running, it starts a private one, which needs
# root; with CI=true it installs Debian's engine first.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
engine=
cleanup() {
	if [ -n "$engine" ]; then
		kill "$engine" 2>/dev/null || true
		wait "$engine" 2>/dev/null || true
		umount "$work/exec/netns/default" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap cleanup EXIT

skip() {
	printf '\n!!!!\n!!!! The image was NOT tested: %s\n!!!!\n\n' "$1"
	exit 0
}

start_engine() {
	[ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ] || skip "no container engine is running, and only root on Linux can start one"
	if ! command -v dockerd >/dev/null; then
		[ "${CI:-}" = true ] && command -v apt-get >/dev/null || skip "there is no dockerd here"
		apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends docker.io >/dev/null ||
			skip "docker.io could not be installed"
	fi
	export DOCKER_HOST=unix://$work/engine.sock
	dockerd --host "$DOCKER_HOST" --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/pid" \
		--bridge none --iptables=false >"$work/engine.log" 2>&1 &
	engine=$!
	for _ in $(seq 30); do
		docker info >/dev/null 2>&1 && return
		kill -0 "$engine" 2>/dev/null || break
		sleep 1
	done
	tail -n 5 "$work/engine.log"
	skip "the engine did not start"
}

docker info >/dev/null 2>&1 || start_engine
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0

mkdir -p -m 770 "$work/image/state/chatlake"
make build VERSION=image-test BIN="$work/image/chatlake"
cp /etc/ssl/certs/ca-certificates.crt "$work/image/" 2>/dev/null || touch "$work/image/ca-certificates.crt"
sed -n '/^FROM scratch/,$p' deploy/Dockerfile | sed 's|--from=build ||; s|/image/||' >"$work/image/Dockerfile"

docker build --quiet --tag chatlake:image-test "$work/image"
trap 'docker image rm --force chatlake:image-test >/dev/null 2>&1 || true; cleanup' EXIT
run="docker run --rm --network none --read-only --cap-drop ALL"
said=$($run chatlake:image-test version)
case $said in
*image-test*) ;;
*) echo "the image says $said, want its version"; exit 1 ;;
esac
for user in "" 1000680000:0; do
	# The state folder is a separate volume, as in docker-compose.yml. The embedded Temporal server keeps its database there.
	$run ${user:+--user "$user"} --volume /var/lib/chatlake chatlake:image-test \
		demo --dir /var/lib/chatlake/demo --conversations 20 --latency 0 --ui=false >"$work/said" 2>&1 ||
		{ cat "$work/said"; echo "the image does not work as user ${user:-of the image}"; exit 1; }
done
echo "the image runs a demo as its own user and as an arbitrary one, and says: $said"
