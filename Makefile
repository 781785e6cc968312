# kimdb. `make run` starts a server, `make test` runs every test; `make help` lists the rest.
#
# This file only compiles. What else there is lives in tools/*.sh.

MODE    ?= release
BUILD   := build/$(MODE)
CXX     ?= g++
PREFIX  ?= /usr/local
VERSION := $(shell cat VERSION)

# Debian packages, in four lists; tools/packages.sh installs what is missing.
PACKAGES_RUN   := g++ make pkg-config git libasio-dev libcli11-dev libyaml-cpp-dev libreadline-dev libspdlog-dev libfmt-dev \
                  libboost1.81-dev libwslay-dev libdeflate-dev libxxhash-dev libsimdjson-dev libre2-dev libsodium-dev libjwt-dev libsqlite3-dev libmimalloc-dev libssl-dev
PACKAGES_TEST  := doctest-dev openssl curl redis-server redis-tools wamerican-large netcat-openbsd strace tmux clang-16 clang-tidy-16 \
                  clang-format libclang-rt-16-dev librestinio-dev
PACKAGES_WEB   := nodejs npm
PACKAGES_BENCH := redis-server redis-tools wamerican-large netcat-openbsd librestinio-dev wrk postgresql-15

# One static library per folder, linked in this order: a folder may use those before it, so an upward call fails to link.
FOLDERS := base protocol engine wal replication database server client cli
uses_base        := base
uses_protocol    := protocol base
uses_engine      := engine base
uses_wal         := wal base
uses_replication := replication wal base
uses_database    := database wal engine protocol base
uses_server      := server database replication wal engine protocol base
uses_client      := client protocol base
uses_cli         := cli client database wal engine protocol base

LIBS_base     := -lspdlog -lfmt -lssl -lcrypto
LIBS_database := -lsodium -ljwt -lxxhash -lsqlite3
LIBS_engine   := -lsimdjson -lre2 -lxxhash
LIBS_server   := -lyaml-cpp -lwslay -ldeflate
LIBS_cli      := -lreadline -lyaml-cpp

WARNINGS := -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wno-missing-field-initializers $(if $(WERROR),-Werror)
# Asio finds out about aligned_alloc by what was included before it, so files would disagree: say it.
DEFINES  := -DASIO_STANDALONE -DASIO_NO_DEPRECATED -DASIO_HAS_STD_ALIGNED_ALLOC -DSPDLOG_COMPILED_LIB -DSPDLOG_FMT_EXTERNAL \
            -DKIMDB_VERSION='"$(VERSION)"'
CXXFLAGS_release := -O2 -g1
CXXFLAGS_asan    := -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CXXFLAGS_tsan    := -O1 -g1 -fsanitize=thread -DASIO_DISABLE_FENCED_BLOCK
CXXFLAGS_fuzz    := -O1 -g1 -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all \
                    -DASIO_HAS_CO_AWAIT -DASIO_HAS_STD_COROUTINE
ALLOCATOR_release := -lmimalloc
CXXFLAGS += -std=c++20 $(CXXFLAGS_$(MODE)) $(WARNINGS) $(DEFINES) -I. -pthread
LDFLAGS  += $(CXXFLAGS_$(MODE)) -pthread $(if $(shell command -v mold),-fuse-ld=mold)
ifeq ($(MODE),fuzz)
CXX := clang++-16
endif
COMPILE := $(if $(shell command -v ccache),ccache )$(CXX)

sources_of = $(filter-out %/main.cc,$(wildcard $(1)/*.cc $(1)/http/*.cc $(1)/sql/*.cc $(1)/crdt/*.cc))
object_of  = $(patsubst %.cc,$(BUILD)/%.o,$(1))
library_of = $(foreach folder,$(1),$(BUILD)/lib/libkimdb_$(folder).a)
libs_of    = $(foreach folder,$(1),$(LIBS_$(folder)))

BINARIES := $(BUILD)/bin/kimdb-server $(BUILD)/bin/kimdb-cli
TESTED   := $(foreach folder,$(FOLDERS),$(if $(wildcard tests/$(folder)/*_test.cc),$(folder)))
TESTS    := $(foreach folder,$(TESTED),$(BUILD)/bin/test_$(folder))
BENCHES  := $(patsubst bench/%.cc,$(BUILD)/bin/bench_%,$(wildcard bench/*.cc))
FUZZERS  := $(patsubst tests/fuzz/%.cc,$(BUILD)/bin/fuzz_%,$(wildcard tests/fuzz/*.cc))

# On all processors, unless make was told how many jobs to run.
PARALLEL_MAKE = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: all run test bench lint asan tsan fuzz proof install clean help format binaries tests packages-run packages-test
.DEFAULT_GOAL := all
.SECONDARY:

all: packages-run ## build the server and the CLI
	+@$(PARALLEL_MAKE) binaries
binaries: $(BINARIES)

run: all ## build and start a server with the built-in defaults
	$(BUILD)/bin/kimdb-server $(ARGS)

test: packages-run packages-test ## build and run every test
	+@$(PARALLEL_MAKE) binaries tests
	@tools/test.sh $(BUILD) $(TESTED)
tests: $(TESTS)

packages-run:
	@tools/packages.sh $(PACKAGES_RUN)
packages-test:
	@tools/packages.sh $(PACKAGES_TEST) $(PACKAGES_WEB)
	@tools/npm_packages.sh tests/npm
packages-bench:
	@tools/packages.sh $(PACKAGES_BENCH)

bench: packages-run packages-bench ## compare with Redis on this machine, print medians and ratios
	+@$(PARALLEL_MAKE) binaries $(BENCHES)
	@bench/run.sh $(BUILD)

asan: packages-run packages-test ## every test under AddressSanitizer and UBSan
	+@$(PARALLEL_MAKE) MODE=asan binaries tests
	@tools/test.sh build/asan $(TESTED)
# Its deadlock detector ends the program over 64 locks held; a transaction may hold one for each partition, and the log's.
TSAN_FOLDERS := $(filter wal database server client,$(TESTED))
tsan: packages-run packages-test ## the threaded folders' tests under ThreadSanitizer
	+@$(PARALLEL_MAKE) MODE=tsan binaries $(foreach folder,$(TSAN_FOLDERS),build/tsan/bin/test_$(folder))
	@TSAN_OPTIONS="detect_deadlocks=0 $$TSAN_OPTIONS" tools/test.sh build/tsan $(TSAN_FOLDERS)

fuzz: packages-run packages-test ## run each fuzz target for FUZZ_SECONDS (60)
	+@$(PARALLEL_MAKE) MODE=fuzz fuzzers
	@tools/fuzz.sh build/fuzz
fuzzers: $(FUZZERS)

lint: packages-run packages-test ## includes, format, generated docs, clang's thread-safety analysis and clang-tidy
	+@tools/lint.sh
format: ## rewrite the sources with clang-format
	clang-format -i $$(git ls-files '*.cc' '*.h')
proof: packages-run packages-test ## the design's tables at their full counts, planted faults, all of clang-tidy
	@tools/proof.sh

install: all ## install into PREFIX (/usr/local): binaries, client library, pkg-config and CMake files
	+@$(PARALLEL_MAKE) $(call library_of,$(uses_client))
	@tools/install.sh $(BUILD) "$(DESTDIR)$(PREFIX)" "$(PREFIX)" $(VERSION)

clean: ## remove everything that was built
	rm -rf build
help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

# --- rules ----------------------------------------------------------------------------------------------------------

# V=1 shows the commands.
QUIET := $(if $(V),,@)
$(BUILD)/%.o: %.cc
	@mkdir -p $(@D)
	$(if $(V),,@echo '  compile $<')
	$(QUIET)$(COMPILE) $(CXXFLAGS) -MMD -MP -c $< -o $@

# What it embeds the compiler does not say.
$(BUILD)/server/http/assets.o: server/http/openapi.yaml server/http/docs.html

define library_rule
$(BUILD)/lib/libkimdb_$(1).a: $(call object_of,$(call sources_of,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(QUIET)ar rcs $$@ $$^
endef
$(foreach folder,$(FOLDERS),$(eval $(call library_rule,$(folder))))

$(BUILD)/bin/kimdb-server: $(BUILD)/server/main.o $(call library_of,$(uses_server))
	@mkdir -p $(@D)
	$(if $(V),,@echo '  link $@')
	$(QUIET)$(CXX) $(LDFLAGS) -o $@ $^ $(call libs_of,$(uses_server)) $(ALLOCATOR_$(MODE))
$(BUILD)/bin/kimdb-cli: $(BUILD)/cli/main.o $(call library_of,$(uses_cli))
	@mkdir -p $(@D)
	$(if $(V),,@echo '  link $@')
	$(QUIET)$(CXX) $(LDFLAGS) -o $@ $^ $(call libs_of,$(uses_cli)) $(ALLOCATOR_$(MODE))

# tests/support may use everything; a test binary links what its folder may use, and the whole where support needs it.
# The reference of filters needs the engine: the tests of lower folders must not get to see it.
FILTER_REFERENCE := $(call object_of,tests/support/mongo_reference.cc)
SUPPORT := $(filter-out $(FILTER_REFERENCE),$(call object_of,$(wildcard tests/support/*.cc)))
$(BUILD)/lib/libkimdb_support.a: $(SUPPORT)
	@mkdir -p $(@D)
	@rm -f $@
	$(QUIET)ar rcs $@ $^
define test_rule
$(BUILD)/bin/test_$(1): $(BUILD)/tests/main.o $(call object_of,$(wildcard tests/$(1)/*.cc)) \
    $(if $(filter engine database,$(1)),$(FILTER_REFERENCE)) $(BUILD)/lib/libkimdb_support.a \
    $(call library_of,$(uses_$(1)) $(if $(filter server cli client,$(1)),client $(uses_server)))
	@mkdir -p $$(@D)
	$(if $(V),,@echo '  link $$@')
	$(QUIET)$(CXX) $(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $(call libs_of,$(FOLDERS)) $(ALLOCATOR_$(MODE))
endef
$(foreach folder,$(TESTED),$(eval $(call test_rule,$(folder))))

WHOLE := server cli client database replication wal engine protocol base
$(BUILD)/bin/bench_%: $(BUILD)/bench/%.o $(call library_of,$(WHOLE))
	@mkdir -p $(@D)
	$(if $(V),,@echo '  link $@')
	$(QUIET)$(CXX) $(LDFLAGS) -o $@ $^ $(call libs_of,$(WHOLE)) $(ALLOCATOR_$(MODE))
$(BUILD)/bin/bench_restinio_hello: LIBS_server += -lhttp_parser
$(BUILD)/bin/fuzz_%: $(BUILD)/tests/fuzz/%.o $(FILTER_REFERENCE) $(BUILD)/lib/libkimdb_support.a $(call library_of,$(WHOLE))
	@mkdir -p $(@D)
	$(if $(V),,@echo '  link $@')
	$(QUIET)$(CXX) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(call libs_of,$(WHOLE))

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
