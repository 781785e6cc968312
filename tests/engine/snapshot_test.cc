#include "engine/snapshot.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "base/varint.h"
#include "tests/engine/model.h"
#include "tests/support/test_seed.h"

namespace kimdb::engine::test {

namespace {

std::string section_of(Lsn lsn, const Operation& operation) {
  std::string section(varint_size(lsn), '\0');
  put_varint(section.data(), lsn);
  append_encoded(section, operation);
  return section;
}

std::vector<std::string> copy_sections(Engine& engine) {
  std::vector<std::string> sections(1);
  SnapshotCopier copier(engine);
  while (copier.next_section(sections.back())) sections.emplace_back();
  sections.pop_back();
  return sections;
}

void shuffle(std::vector<std::string>& sections, Random& random) {
  for (std::size_t i = sections.size(); i > 1; --i)
    std::swap(sections[i - 1], sections[random.below(i)]);
}

}  // namespace

TEST_CASE("a snapshot copied between writes, with the records behind it, gives the exact state") {
  SeededRandom random(support::test_seed("a snapshot copied between writes"));
  const support::TestDeadline deadline(4);
  do {
    Engine engine({.partitions = std::size_t{1} << random.below(5), .hash_seed = random.next()});
    // Few keys are changed many times while the copier goes on, many make it take several sections.
    RecordMaker maker(random, {.keys = random.below(2) == 0 ? 30 : 3000, .operations_max = 4});
    Model model;
    std::vector<std::string> log = {""};
    const auto write = [&] {
      log.push_back(maker.next(model, log.size()));
      apply_record(engine, log.size() - 1, log.back());
    };
    for (auto n = random.below(4000); n > 0; --n) write();
    const Lsn first = log.size() - 1;
    std::vector<std::string> sections;
    SnapshotCopier copier(engine);
    for (std::string section; copier.next_section(section); section.clear()) {
      sections.push_back(section);
      for (auto n = random.below(80); n > 0; --n) write();
    }
    const Lsn last = log.size() - 1;
    const Model expected = model;
    for (int i = 0; i < 20; ++i) write();  // no part of it

    Engine restored({.partitions = std::size_t{1} << random.below(5), .hash_seed = random.next()});
    shuffle(sections, random);
    for (const std::string& section : sections)
      REQUIRE(restore_section(restored, section).has_value());
    for (Lsn lsn = first + 1; lsn <= last; ++lsn)
      REQUIRE(restored.restore(lsn, log[lsn]).has_value());
    REQUIRE(difference(expected, state_of(restored)) == "");
    // Recovery may begin earlier, too.
    for (Lsn lsn = first > 50 ? first - 50 : 1; lsn <= last; ++lsn)
      REQUIRE(restored.restore(lsn, log[lsn]).has_value());
    REQUIRE(difference(expected, state_of(restored)) == "");
  } while (!deadline.passed());
}

TEST_CASE("a snapshot copied while threads write gives the exact state") {
  SeededRandom seeds(support::test_seed("a snapshot copied while threads write"));
  const support::TestDeadline deadline(3);
  do {
    constexpr int kWriters = 2;
    Engine engine({.partitions = 8, .hash_seed = seeds.next()});
    std::atomic<Lsn> last_lsn{0};
    std::atomic<bool> stop{false};
    std::array<std::map<Lsn, std::string>, kWriters> written;
    std::vector<std::thread> threads;
    for (int writer = 0; writer < kWriters; ++writer) {
      threads.emplace_back([&, writer, writer_seed = seeds.next()] {
        SeededRandom random(writer_seed);
        RecordMaker maker(random, {.keys = 2000,
                                   .operations_max = 1,
                                   .prefix = "w" + std::to_string(writer) + "-",
                                   .flushes = false});
        Model model;
        for (Lsn i = 1; i < 200 || !stop; ++i) {
          const std::string record = maker.next(model, i);
          const Operation operation = operations_of(engine, record).front();
          MutexLock lock(engine.partition_of(operation.hash).mutex());
          const Lsn lsn = ++last_lsn;
          engine.apply(lsn, operation);
          written[static_cast<std::size_t>(writer)][lsn] = record;
        }
      });
    }
    while (last_lsn < 2000) std::this_thread::yield();
    const Lsn first = last_lsn;
    const auto sections = copy_sections(engine);
    const Lsn last = last_lsn;
    stop = true;
    for (std::thread& thread : threads) thread.join();

    std::map<Lsn, std::string> history;
    for (auto& part : written) history.merge(part);
    Model expected;
    Engine restored({.partitions = 4, .hash_seed = seeds.next()});
    std::vector<std::thread> loaders;
    for (std::size_t loader = 0; loader < 2; ++loader)
      loaders.emplace_back([&, loader] {
        for (std::size_t i = loader; i < sections.size(); i += 2)
          if (!restore_section(restored, sections[i])) std::abort();
      });
    for (std::thread& loader : loaders) loader.join();
    for (const auto& [lsn, record] : history) {
      if (lsn > last) break;
      expected.apply(lsn, record);
      if (lsn > first) REQUIRE(restored.restore(lsn, record).has_value());
    }
    REQUIRE(difference(expected, state_of(restored)) == "");
  } while (!deadline.passed());
}

TEST_CASE("sections are small, whether entries or requests fill them") {
  Engine engine({.partitions = 1, .hash_seed = 1});
  const std::string value(200, 'v');
  for (int i = 0; i < 5000; ++i) {
    std::string record;
    append_encoded(record, {.key = "key" + std::to_string(i), .value = value});
    append_encoded(record, {.kind = OperationKind::request,
                            .number = 1,
                            .key = "client" + std::to_string(i),
                            .value = value});
    apply_record(engine, static_cast<Lsn>(i) + 1, record);
  }
  const auto sections = copy_sections(engine);
  for (const std::string& section : sections) {
    CHECK(section.size() > 0);
    CHECK(section.size() < (64 << 10) + 8192);
  }
  Engine restored({.partitions = 2, .hash_seed = 2});
  for (const std::string& section : sections) REQUIRE(restore_section(restored, section));
  CHECK(difference(state_of(engine), state_of(restored)) == "");
}

TEST_CASE("the rule about old requests survives a snapshot") {
  Engine engine({.partitions = 4, .hash_seed = 1});
  std::string record;
  for (std::uint64_t i = 1; i <= 200; ++i)
    append_encoded(record, {.kind = OperationKind::request, .number = i, .key = "c", .value = "r"});
  apply_record(engine, 1, record);
  Engine restored({.partitions = 2, .hash_seed = 2});
  for (const std::string& section : copy_sections(engine))
    REQUIRE(restore_section(restored, section));
  const RequestLog& requests = restored.partition_of(restored.hash("c")).requests();
  CHECK(requests.find("c", 72).seen == RequestLog::Seen::unknown);
  CHECK(requests.find("c", 73).seen == RequestLog::Seen::done);
  CHECK(requests.find("c", 201).seen == RequestLog::Seen::never);
}

TEST_CASE("nothing to copy makes no section") {
  Engine engine({.partitions = 8, .hash_seed = 1});
  std::string out = "before";
  SnapshotCopier copier(engine);
  CHECK_FALSE(copier.next_section(out));
  CHECK_FALSE(copier.next_section(out));
  CHECK(out == "before");
}

TEST_CASE("a damaged section is an error and no crash") {
  Engine engine({.partitions = 4, .hash_seed = 1});
  const std::string good = section_of(5, {.key = "key", .value = "value"});
  for (std::size_t size = 1; size < good.size(); ++size)
    CHECK_FALSE(restore_section(engine, std::string_view(good).substr(0, size)));
  CHECK_FALSE(restore_section(engine, std::string(20, '\xff')));
  CHECK(restore_section(engine, good));
  // A flush would reach into partitions whose locks are not held.
  CHECK_FALSE(restore_section(engine, section_of(6, {.kind = OperationKind::flush})));
  CHECK_FALSE(
      restore_section(engine, section_of(6, {.kind = OperationKind::remove, .key = "key"})));
  CHECK(state_of(engine).entries.size() == 1);
}

}  // namespace kimdb::engine::test
