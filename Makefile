# make                      the programs of the default backend, into build/gotls/
# make BACKEND=gotls        the same, said aloud; build-tags.md lists the backends
# make demo                 a STARTTLS conversation from end to end
# make test                 all tests; what needs a missing program says how to get it
# make install PREFIX=/usr DESTDIR=/tmp/root

BACKEND  = gotls
TAGS     = $(BACKEND)
PREFIX   = /usr/local
BINDIR   = $(PREFIX)/bin
MANDIR   = $(PREFIX)/share/man
DESTDIR  =
VERSION  = 0.1.0
GO       = go
BUILD    = build/$(BACKEND)

PROGRAMS = $(notdir $(wildcard cmd/s6-*))

# ENTRY=off builds without the recording program entry (engine/entry): the
# programs then don't run under softlimit -m, and hand on less to prog.
ENTRY    = on
ENTRYFOR = linux/amd64 linux/arm64
ifeq ($(ENTRY),on)
ifneq ($(filter $(shell $(GO) env GOOS)/$(shell $(GO) env GOARCH),$(ENTRYFOR)),)
ENTRYFLAG = -E ucspitls_entry
endif
endif

# bindir is compiled into what is installed, and only there: a development
# build looks for the -io programs in its own folder.
LDFLAGS  = -s -w -X ucspitls/engine/diag.Version=$(VERSION) $(ENTRYFLAG)
BUILDCMD = CGO_ENABLED=0 $(GO) build -trimpath -tags '$(TAGS)'

.PHONY: all test lint demo man bench install clean cross fuzz

all:
	@mkdir -p $(BUILD)
	$(BUILDCMD) -ldflags '$(LDFLAGS)' -o $(BUILD)/ ./cmd/s6-...

demo: all
	$(BUILDCMD) -o build/demo ./doc/demo
	@build/demo $(BUILD)

# The pages against the programs' own tables, and mandoc's lint if it is here.
man:
	$(GO) test -count=1 ./man

install:
	@mkdir -p $(BUILD)/install $(DESTDIR)$(BINDIR)
	$(BUILDCMD) -ldflags '$(LDFLAGS) -X ucspitls/engine/wrap.bindir=$(BINDIR)' -o $(BUILD)/install/ ./cmd/s6-...
	install -m 755 $(addprefix $(BUILD)/install/,$(PROGRAMS)) $(DESTDIR)$(BINDIR)/
	@for n in 1 7 8; do \
		set -- man/*.$$n; [ -e "$$1" ] || continue; \
		mkdir -p $(DESTDIR)$(MANDIR)/man$$n && install -m 644 "$$@" $(DESTDIR)$(MANDIR)/man$$n/; \
	done

clean:
	rm -rf build
