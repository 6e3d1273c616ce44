# make                      the programs of the default backend, into build/gotls/
# make BACKEND=gotls        the same, said aloud; build-tags.md lists the backends
# make demo                 a STARTTLS conversation from end to end
# make test                 all tests; what needs a missing program says how to get it
# make interop              every backend against every peer: doc/interop.md
# make install PREFIX=/usr DESTDIR=/tmp/root
# make uninstall            with the same PREFIX and DESTDIR
# make rename MODULE=path   another module path, as example.org/ucspitls, in all files
# make help                 this list

BACKEND  = gotls
TAGS     = $(BACKEND)$(if $(filter strict,$(SANDBOX)), strictsandbox)
PREFIX   = /usr/local
BINDIR   = $(PREFIX)/bin
MANDIR   = $(PREFIX)/share/man
DESTDIR  =
VERSION  = 0.1.0
GO       = go
BUILD    = build/$(BACKEND)

PROGRAMS = $(notdir $(wildcard cmd/s6-*))
TUNNELS  = $(filter %-io,$(PROGRAMS))
DAEMONS  = $(filter %-iod,$(PROGRAMS))
WRAPPERS = s6-ucspitlsd s6-ucspitlsc s6-tlsd s6-tlsc
OTHERS   = $(filter-out $(TUNNELS) $(DAEMONS) $(WRAPPERS),$(PROGRAMS))

# Go itself gets a newer one for this directory, if it may and can.
ifneq ($(filter-out help clean uninstall,$(or $(MAKECMDGOALS),all)),)
GOENV := $(shell $(GO) env GOVERSION GOOS GOARCH)
OLDGO  = go1.1% go1.20% go1.21% go1.22% go1.23% go1.24% go1.25%
ifeq ($(filter-out $(OLDGO),$(firstword $(GOENV))),)
$(error needs Go 1.26 or later, not $(or $(firstword $(GOENV)),none): https://go.dev/dl)
endif
endif

# The directory is compiled in, and the shell sees it: one absolute path, of plain
# characters. From another a wrapper would run what lies where it was started.
ifneq ($(filter install uninstall,$(MAKECMDGOALS)),)
PATHS = $(DESTDIR)$(BINDIR)$(MANDIR)
ifneq ($(words x$(PATHS))$(filter-out /%,$(BINDIR) $(MANDIR))$(strip $(foreach c,; & | ' " * ? < > `,$(findstring $(c),$(PATHS)))),1)
$(error PREFIX, BINDIR and MANDIR must be absolute paths, and like DESTDIR without blanks and characters of the shell)
endif
endif

# Only the tunnels and the shared one link a backend, and only OpenSSL's needs cgo.
CGO_gotls   = 0
CGO_openssl = 1
CGO_utls    = 0

# What the C compiler links lies at random addresses (PIE), its table of
# functions is filled in and shut at the start, and its C code checks its stack
# and its copies: the flags that cgo takes from a source file stand in
# backend/openssl. Go's code has no CET note, so the linker leaves that out of
# the program; the C code is ready for it.
PIE_openssl = $(if $(filter $(shell $(GO) env GOOS)/$(shell $(GO) env GOARCH),linux/amd64 linux/arm64),-buildmode=pie)
BRANCH_amd64 = -fcf-protection=full
BRANCH_arm64 = -mbranch-protection=standard
ifneq ($(PIE_$(BACKEND)),)
CGO_CFLAGS ?= -O2 -g
export CGO_CFLAGS := $(CGO_CFLAGS) $(BRANCH_$(shell $(GO) env GOARCH))
endif

# FIPS=1 builds on Go's own validated module (BACKEND=gotls).
ifeq ($(FIPS),1)
export GOFIPS140 = certified
endif

# Where a program starts (internal/entry). ENTRY=fast, the default: in front of the
# Go runtime, to record what the runtime would lose; the four wrappers do all
# their work there, and never start the runtime (internal/wrap). ENTRY=off: in the
# runtime; the programs then don't run under softlimit -m, and hand on less to
# prog. A program that the C linker links can have no entry.
ENTRY   ?= fast
ENTRYFOR = linux/amd64 linux/arm64
ifeq ($(filter $(ENTRY),fast off),)
$(error ENTRY is fast or off)
endif
ifneq ($(ENTRY),off)
ifneq ($(filter $(word 2,$(GOENV))/$(word 3,$(GOENV)),$(ENTRYFOR)),)
WRAPPERENTRY = -E ucspitls_fast
WRAPPERTAGS  = -tags fastentry
TUNNELENTRY  = $(if $(filter 0,$(CGO_$(BACKEND))),-E ucspitls_brief)
OTHERENTRY   = -E ucspitls_entry
DAEMONENTRY  = $(if $(filter 0,$(CGO_$(BACKEND))),-E ucspitls_hidden)
endif
endif

# SANDBOX=strict builds tunnels that die of a system call that is not in the
# sandbox's table, where others have it fail: for the tests.

# A tunnel of its own has a heap of half a megabyte, which its collector hardly
# ever sees. The older one of Go's two needs a page less of it for each size of
# object, 80 kB in all. A Go that has only one builds with that.
ifneq ($(shell GOEXPERIMENT=nogreenteagc $(GO) env GOVERSION 2>/dev/null),)
TUNNELGC = GOEXPERIMENT=$(if $(GOEXPERIMENT),$(GOEXPERIMENT)$(comma))nogreenteagc
endif

# bindir is compiled into what is installed, and only there: a development
# build looks for the -io programs in its own directory.
LDFLAGS  = -s -w -X ucspitls/internal/diag.Version=$(VERSION) $(if $(INSTALLED),-X ucspitls/internal/wrap.bindir=$(BINDIR))
GOBUILD  = $(GO) build -trimpath
BUILDCMD = CGO_ENABLED=0 $(GOBUILD) -tags '$(TAGS)'

.PHONY: hostile soak shared all interop test test-backend ci-long race lint vuln demo man bench install uninstall help clean rename cross static fuzz

all:
	@mkdir -p $(BUILD)
	CGO_ENABLED=0 $(GOBUILD) $(WRAPPERTAGS) -ldflags '$(LDFLAGS) $(WRAPPERENTRY)' -o $(BUILD)/ $(WRAPPERS:%=./cmd/%)
	CGO_ENABLED=0 $(GOBUILD) -ldflags '$(LDFLAGS) $(OTHERENTRY)' -o $(BUILD)/ $(OTHERS:%=./cmd/%)
	$(TUNNELGC) CGO_ENABLED=$(CGO_$(BACKEND)) $(GOBUILD) $(PIE_$(BACKEND)) -tags '$(TAGS)' -ldflags '$(LDFLAGS) $(TUNNELENTRY)' -o $(BUILD)/ $(TUNNELS:%=./cmd/%)
	CGO_ENABLED=$(CGO_$(BACKEND)) $(GOBUILD) $(PIE_$(BACKEND)) -tags '$(TAGS)' -ldflags '$(LDFLAGS) $(DAEMONENTRY)' -o $(BUILD)/ $(DAEMONS:%=./cmd/%)

help:
	@sed -n '/^#/!q; s/^# //p' Makefile

demo: all
	$(BUILDCMD) -o build/demo ./doc/demo
	@build/demo $(BUILD)

# Beside other programs that do the same job; doc/bench.md explains the numbers.
# It starts copies, as they are installed: what the linker wrote lies in memory
# in single pages, and takes longer to start.
# make bench BENCH='-only declined -rounds 9' BENCHED=gotls
BENCHED = gotls openssl utls
comma   = ,
space   = $() $()
bench:
	@for b in $(BENCHED); do \
		rm -rf build/benched/$$b; mkdir -p build/benched/$$b; \
		if $(MAKE) -s BACKEND=$$b all; then cp build/$$b/* build/benched/$$b/; else echo "$$b can't be built here and is left out"; fi; \
	done
	CGO_ENABLED=0 $(GOBUILD) -o build/bench ./test/bench
	@build/bench -ours $(subst $(space),$(comma),$(BENCHED:%=build/benched/%)) $(BENCH)

# ONLY='server=gotls client=gnutls' runs a part, QUICK=1 the one for CI; ACCEPT=1
# takes what came of it as the baseline.
interop:
	@mkdir -p build
	@CGO_ENABLED=0 $(GOBUILD) -o build/interop ./test/interop
	@build/interop $(if $(ONLY),-only '$(ONLY)') $(if $(QUICK),-quick) $(if $(ACCEPT),-accept)

# The pages against the programs' own tables, and mandoc's lint if it is here.
man:
	$(GO) test -count=1 ./man

# The mode that the program $(1) is installed with. Of what can't be read nobody
# can trace the process, from its execve on.
mode = $(if $(filter $(TUNNELS) $(DAEMONS),$(1)),711,755)

# Connections may arrive meanwhile. So each program is written beside the one
# that it replaces, and renamed over it: there is always one, and a whole one. A
# program comes before those that run it: tunnels, wrappers, listeners. A new
# tunnel under an old wrapper can't be avoided, because a waiting process may run
# it hours later, and has to work; an old one under a new wrapper can, and is.
INORDER = $(TUNNELS) $(DAEMONS) $(WRAPPERS) $(OTHERS)
install:
	@$(MAKE) -s BUILD=build/install/$(BACKEND) INSTALLED=1 all
	mkdir -p $(DESTDIR)$(BINDIR) $(addprefix $(DESTDIR)$(MANDIR)/man,1 7 8)
	@set -e; put() { echo "install $$3"; install -m $$1 $$2 $${3%/*}/.$${3##*/}.new; mv -f $${3%/*}/.$${3##*/}.new $$3; }; \
	$(foreach p,$(INORDER),put $(call mode,$(p)) build/install/$(BACKEND)/$(p) $(DESTDIR)$(BINDIR)/$(p);) \
	$(foreach m,$(PAGES),put 644 $(m) $(DESTDIR)$(MANDIR)/$(call section,$(m));)

PAGES   = $(wildcard man/*.[178])
section = man$(subst .,,$(suffix $(1)))/$(notdir $(1))

uninstall:
	rm -f $(addprefix $(DESTDIR)$(BINDIR)/,$(PROGRAMS)) $(foreach m,$(PAGES),$(DESTDIR)$(MANDIR)/$(call section,$(m)))

clean:
	rm -rf build

rename: export MODULE := $(MODULE)
rename:
	@CGO_ENABLED=0 $(GOBUILD) -o build/rename ./test/rename
	@build/rename "$$MODULE"

# Go's test cache can't see the programs: -count=1 runs the tests each time.
# test/run shows how far they are, and in the end what was skipped. TESTFLAGS
# are for go test.
test: all
	@CGO_ENABLED=0 $(GOBUILD) -o build/testrun ./test/run
	@UCSPITLS_BACKEND=$(BACKEND) CGO_ENABLED=$(CGO_$(BACKEND)) build/testrun $(GO) test -count=1 $(TESTFLAGS) -tags '$(TAGS)' ./...

# What depends on the backend, for those that are not the default.
test-backend: all
	CGO_ENABLED=$(CGO_$(BACKEND)) $(GO) test -count=1 -tags '$(TAGS)' ./backend/$(BACKEND) ./test/faults
	UCSPITLS_BACKEND=$(BACKEND) $(GO) test -count=1 ./test/cli

# How a session begins and ends, once more with the tunnels in a shared process.
SHARED = ^Test(Prog|Peer|Strict|Stream|Bad|Slow|Both|NoByteIsLost|NoCleartext|Wrong|Blob|Huge|Handshake|Command|App|Extra|Shutdown|Pair|Trailing|ServerName|Good|Nothing|ClientCert)
shared: all
	UCSPITLS_IOD=1 UCSPITLS_BACKEND=$(BACKEND) $(GO) test -count=1 -short -run '$(SHARED)' ./test/cli

# Everything that takes too long for each commit.
ci-long: test interop
	$(MAKE) fuzz FUZZTIME=500000x
	$(MAKE) fuzz FUZZTIME=100000x BACKEND=openssl ASAN=1
	UCSPITLS_LOAD=2000 $(GO) test -count=1 ./internal/listen
	UCSPITLS_BACKEND=$(BACKEND) SANDBOX=strict $(GO) test -count=1 ./test/cli
	UCSPITLS_IOD=1 UCSPITLS_BACKEND=$(BACKEND) $(GO) test -count=1 -timeout 30m ./test/cli
	UCSPITLS_IDLE=10000 UCSPITLS_BACKEND=$(BACKEND) $(GO) test -count=1 -run TestSharedIdle -v ./test/cli
	$(MAKE) hostile INPUTS=1000000 CLI_INPUTS=20000
	UCSPITLS_FAULTS=1 CGO_ENABLED=$(CGO_$(BACKEND)) $(GO) test -count=1 -timeout 0 -tags '$(TAGS)' ./test/faults
	$(MAKE) soak
	UCSPITLS_KEYGUARD=1 $(GO) test -count=1 ./test/cli
	UCSPITLS_IOD=1 UCSPITLS_KEYGUARD=1 $(GO) test -count=1 -timeout 30m ./test/cli

# Mutated handshakes and records: so many against the library, so many against
# the programs. SEED=7 makes others.
INPUTS     = 100000
CLI_INPUTS = 2000
hostile: all
	UCSPITLS_SEED=$(SEED) UCSPITLS_INPUTS=$(INPUTS) CGO_ENABLED=$(CGO_$(BACKEND)) $(GO) test -count=1 -timeout 0 -tags '$(TAGS)' -run TestInputs -v ./backend/$(BACKEND)
	UCSPITLS_SEED=$(SEED) UCSPITLS_CLI_INPUTS=$(CLI_INPUTS) UCSPITLS_BACKEND=$(BACKEND) $(GO) test -count=1 -timeout 0 -run TestMutatedInputs ./test/cli

# Mixed load with faults on every backend that can be built, for SOAK; SEED
# repeats the plans of an earlier run.
SOAK = 10m
soak:
	@for b in gotls utls openssl; do $(MAKE) -s BACKEND=$$b || echo "soak: $$b can't be built here"; done
	SOAK=$(SOAK) SEED=$(SEED) $(GO) test -count=1 -timeout 0 -run TestSoak -v ./test/soak

# The tests of some rooms only run programs, which are not built for it.
race:
	UCSPITLS_BACKEND=$(BACKEND) CGO_ENABLED=1 $(GO) test -count=1 -race -tags '$(TAGS)' \
		$$($(GO) list ./internal/... ./backend/... | grep -vE '/internal/(entry|wrap|dial|listen)(/|$$)')

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.7.0
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.1.4

lint:
	@out=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	$(GO) vet -tags '$(TAGS)' ./...
	@set -e; for f in $(wildcard backend/$(BACKEND)/*.c); do $(CC) -std=gnu11 -O2 -Wall -Wextra -Wconversion -Wsign-conversion -Werror -c -o /dev/null $$f; done
	$(GO) run $(STATICCHECK) -tags '$(TAGS)' ./...
	$(if $(WRAPPERTAGS),$(GO) run $(STATICCHECK) -tags '$(TAGS) fastentry' ./internal/sys ./internal/wrap)

# Where the vulnerability database can't be reached, that is said, and is no failure.
vuln:
	@out=$$($(GO) run $(GOVULNCHECK) -tags '$(TAGS)' ./... 2>&1); code=$$?; echo "$$out"; \
	case "$$out" in *"fetching vulnerabilities"*) echo "govulncheck: no database reached, not checked"; exit 0;; esac; exit $$code

# Every system that the engine knows must at least compile, its tests too.
CROSS = linux/arm64 linux/386 freebsd/amd64 openbsd/amd64 darwin/arm64
cross:
	@set -e; for p in $(CROSS); do \
		echo "cross-build $$p"; mkdir -p build/cross/$$p; \
		GOOS=$${p%/*} GOARCH=$${p#*/} $(MAKE) -s BUILD=build/cross/$$p all; \
		GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) vet -tags gotls ./...; \
	done

# The proof that the programs are static: no interpreter, no dynamic section.
static: all
	@for p in $(PROGRAMS); do \
		if readelf -ld $(BUILD)/$$p | grep -qE 'INTERP|DYNAMIC|Dynamic section'; then echo "$$p is not static"; exit 1; fi; \
	done; echo "$(words $(PROGRAMS)) programs, all static"

# A number of inputs, not a time: at the end of a time the coordinator of Go before
# 1.27 may take its own deadline for a failure. With another BACKEND only that
# backend's targets; with ASAN=1 under the address sanitizer, for what is in C.
FUZZTIME = 50000x
FUZZED   = $(if $(filter gotls,$(BACKEND)),'*_test.go' ':!backend/openssl' ':!backend/utls','backend/$(BACKEND)/*_test.go')
fuzz:
	@set -e; for f in $$(git grep -l '^func Fuzz' -- $(FUZZED)); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' $$f); do \
			echo "$$name in $$(dirname $$f)"; \
			CGO_ENABLED=$(CGO_$(BACKEND)) $(GO) test $(if $(ASAN),-asan) -tags '$(TAGS)' -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) ./$$(dirname $$f); \
		done; \
	done
