VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
BIN ?= bin/chatlake

.PHONY: build check readers release
build: # a static binary without symbols
	CGO_ENABLED=0 go build -ldflags '-s -w -X main.version=$(VERSION)' -o $(BIN) ./cmd/chatlake

check: # all that must pass before a change lands
	.ci/run

release: # the binaries of a release, into dist/; each target compiles the Temporal server
	go -C tools run ./release

READERS_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/chatlake-readers
MAVEN = mvn -B -q -Dmaven.repo.local=$(READERS_CACHE)/m2 dependency:copy -DoutputDirectory=$(READERS_CACHE)/maven

readers: # lets other engines read lakes and writes docs/readers.md; needs Python, Maven, Java 17, and TRINO_JAVA_HOME with a JDK 25
	@test -n "$(TRINO_JAVA_HOME)" || { echo "TRINO_JAVA_HOME is not set: it must name a JDK 25, which Trino needs"; exit 1; }
	mkdir -p $(READERS_CACHE)
	python3 -m venv $(READERS_CACHE)/venv
	$(READERS_CACHE)/venv/bin/pip install -q -r tests/readers/requirements.txt
	$(MAVEN) -Dartifact=org.apache.iceberg:iceberg-spark-runtime-4.0_2.13:1.10.0
	test -d $(READERS_CACHE)/trino-server-476 || { $(MAVEN) -Dartifact=io.trino:trino-server:476:tar.gz && \
		tar -C $(READERS_CACHE) -xzf $(READERS_CACHE)/maven/trino-server-476.tar.gz; }
	CGO_ENABLED=1 go -C tests test -run 'TestReaders$$' -v -count 1 -timeout 2h -readers $(READERS_CACHE) -readers-page ../docs/readers.md .
