// The feed of changes: readers at their own pace, each of whom gets every change once, in order.
#include "database/change_feed.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_db.h"
#include "tests/support/test_seed.h"

namespace kimdb::database {
namespace {

using support::TestDb;
using support::TestSession;

class Waiter final : public ChangeListener {
 public:
  void changes_ready() override {
    const std::lock_guard lock(mutex_);
    told_ = true;
    changed_.notify_all();
  }
  // False where nothing was told for long.
  bool wait() {
    std::unique_lock lock(mutex_);
    const bool told = changed_.wait_for(lock, std::chrono::seconds(20), [&] { return told_; });
    told_ = false;
    return told;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool told_ = false;
};

// One reader, and the positions of what it has taken.
class TestReader {
 public:
  TestReader(ChangeFeed& feed, const std::optional<FeedPosition>& since) {
    auto reader = feed.subscribe(since, waiter_);
    REQUIRE(reader);
    reader_ = std::move(*reader);
  }

  // Takes what is there, `count` changes at most; gives how many there were.
  std::size_t take(std::size_t count) {
    std::size_t taken = 0;
    for (;;) {
      const auto batch = reader_->next();
      REQUIRE(batch);
      if (*batch == nullptr) return taken;
      REQUIRE((*batch)->end > reader_->after());  // it leads further
      // As those do who share what was made of a batch.
      const bool whole = count == SIZE_MAX && reader_->is_at(**batch);
      for (const DocumentChange& change : (*batch)->changes) {
        if (change.collection() != "c" || (!whole && !reader_->is_new(change))) continue;
        if (taken == count) return taken;
        positions.push_back(to_string(change.position));
        reader_->take(change);
        ++taken;
      }
      reader_->take(**batch);
    }
  }
  void take_until(std::size_t size) {
    while (positions.size() < size)
      if (take(SIZE_MAX) == 0) REQUIRE(waiter_.wait());
  }
  ChangeReader& reader() { return *reader_; }

  std::vector<std::string> positions;

 private:
  Waiter waiter_;
  std::unique_ptr<ChangeReader> reader_;
};

}  // namespace

TEST_CASE("readers at any pace get each change once, also behind what is kept in memory") {
  SeededRandom random(support::test_seed("readers at any pace"));
  const support::TemporaryDirectory directory;
  TestDb db(TestDb::with_log(directory.path()));
  ChangeFeed& feed = db.database().change_feed();
  TestReader all(feed, std::nullopt);
  TestReader slow(feed, std::nullopt);
  std::vector<std::unique_ptr<TestReader>> late;
  std::vector<std::size_t> late_from;
  // More than what is kept for all.
  const std::string large(40'000, 'x');
  std::size_t written = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = std::to_string(random.below(50));
    db.run("SET key " + id);
    db.run("DOC PUT other " + id + " {}");
    if (random.below(4) == 0) {
      REQUIRE(db.run("DOC BULK c [{\"id\":\"a\",\"data\":{}},{\"id\":\"" + id +
                     "-\",\"data\":{}},{\"data\":{}}]")
                  .starts_with("*3"));
      written += 3;
    } else {
      REQUIRE(db.run("DOC PUT c " + id + " {\"x\":\"" + large + "\"}").starts_with("*2"));
      ++written;
    }
    if (random.below(10) == 0) slow.take(random.below(5));
    if (random.below(20) == 0) all.take(random.below(100));
    if (random.below(50) == 0 && !all.positions.empty()) {
      const std::size_t from = random.below(all.positions.size());
      const auto since = parse_feed_position(all.positions[from]);
      REQUIRE(since);
      late.push_back(std::make_unique<TestReader>(feed, since));
      late_from.push_back(from + 1);
    }
  }
  all.take_until(written);
  CHECK(all.positions.size() == written);
  slow.take_until(written);
  CHECK(slow.positions == all.positions);
  REQUIRE(!late.empty());
  for (std::size_t i = 0; i < late.size(); ++i) {
    late[i]->take_until(written - late_from[i]);
    CHECK(
        late[i]->positions ==
        std::vector<std::string>(all.positions.begin() + static_cast<std::ptrdiff_t>(late_from[i]),
                                 all.positions.end()));
  }
  CHECK(all.take(1) == 0);
}

TEST_CASE("readers come and go while others write, and who comes back misses nothing") {
  SeededRandom random(support::test_seed("readers come and go while others write"));
  const support::TestDeadline deadline(3);
  const support::TemporaryDirectory directory;
  // Who comes back may be far behind, and all is read once more in the end: no snapshot may make
  // room of the log.
  DatabaseOptions options = TestDb::with_log(directory.path());
  options.keep_log_bytes = std::uint64_t{1} << 40;
  TestDb db(options);
  ChangeFeed& feed = db.database().change_feed();
  TestSession writer_session(db.database(), 2);
  std::vector<std::string> positions;
  FeedPosition last = TestReader(feed, std::nullopt).reader().begin();
  std::atomic<bool> stopping{false};
  std::size_t changes = 0;  // the writer's, until it has stopped
  std::thread writer([&] {
    SeededRandom choice(7);
    while (!stopping) {
      const bool changes_documents = choice.below(2) == 0;
      changes += changes_documents ? 1 : 0;
      writer_session.run(changes_documents ? "DOC PUT c d {}" : "SET k v");
    }
  });
  do {
    // Now and then nobody is left for a while.
    TestReader reader(feed, last);
    for (std::uint64_t i = random.below(20); i > 0; --i) {
      reader.take(random.below(3) == 0 ? SIZE_MAX : random.below(50));
      std::this_thread::sleep_for(std::chrono::microseconds(random.below(300)));
    }
    for (const std::string& position : reader.positions) positions.push_back(position);
    if (!positions.empty()) last = *parse_feed_position(positions.back());
  } while (!deadline.passed() || positions.size() < 10);
  stopping = true;
  writer.join();
  REQUIRE(!positions.empty());
  TestReader end(feed, last);
  end.take_until(changes - positions.size());
  positions.insert(positions.end(), end.positions.begin(), end.positions.end());
  CHECK(positions.size() == changes);
  // The same as one gets who reads all in one piece.
  TestReader whole(feed, parse_feed_position(positions.front()));
  const std::size_t rest = positions.size() - 1;
  whole.take_until(rest);
  whole.positions.resize(rest);
  CHECK(whole.positions == std::vector<std::string>(positions.begin() + 1, positions.end()));
}

TEST_CASE("who follows is told when the log holds something else") {
  const support::TemporaryDirectory directory;
  TestDb db(TestDb::with_log(directory.path()));
  ChangeFeed& feed = db.database().change_feed();
  TestReader follower(feed, std::nullopt);
  db.run("DOC PUT c a {}");
  follower.take_until(1);
  // Nobody reads while the log is changed, and everybody goes on behind it.
  feed.exclude([&] { db.run("DOC PUT c b {}"); });
  follower.take_until(2);
  feed.lose_all({ErrorCode::not_found, "another log"});
  const auto batch = follower.reader().next();
  REQUIRE(!batch);
  CHECK(batch.error().message == "another log");
  // Whoever comes now reads on.
  TestReader next(feed, std::nullopt);
  db.run("DOC PUT c c {}");
  next.take_until(1);
}

TEST_CASE("a position that the history does not contain is refused") {
  const support::TemporaryDirectory directory;
  TestDb db(TestDb::with_log(directory.path()));
  Waiter waiter;
  CHECK(!db.database().change_feed().subscribe(parse_feed_position("1-999"), waiter));
  CHECK(!db.database().change_feed().subscribe(parse_feed_position("77-1"), waiter));
  TestDb without;
  const auto refused = without.database().change_feed().subscribe(std::nullopt, waiter);
  REQUIRE(!refused);
  CHECK(refused.error().code == ErrorCode::unsupported);
}

TEST_CASE("DOC CHANGES gives what changed behind a position, in parts") {
  const support::TemporaryDirectory directory;
  TestDb db(TestDb::with_log(directory.path()));
  const auto line = [](const std::string& text, std::size_t number) {
    std::size_t at = 0;
    while (number-- > 0) at = text.find('\n', at) + 1;
    return text.substr(at, text.find('\n', at) - at);
  };
  const std::string begin = line(db.run("DOC CHANGES users"), 1);
  CHECK(db.run("DOC CHANGES users SINCE " + begin) == "*3\n" + begin + "\n0\n*0");
  db.run("DOC BULK users [{\"id\":\"a\",\"data\":{}},{\"id\":\"b\",\"data\":{}}]");
  db.run("DOC PUT others x {}");
  db.run("DOC MERGE users a {\"n\":1}");
  db.run("DOC DEL users b");
  db.run("SET k v");
  // They are seen once they are committed.
  const std::string all_of_them = "DOC CHANGES users SINCE " + begin;
  for (int i = 0; i < 20'000 && line(db.run(all_of_them), 3) != "*4"; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  // One by one, and all at once: the same.
  std::vector<std::string> events;
  std::string position = begin;
  for (bool more = true; more;) {
    const std::string reply = db.run("DOC CHANGES users SINCE " + position + " LIMIT 1");
    position = line(reply, 1);
    more = line(reply, 2) == "1";
    if (line(reply, 3) == "*1") events.push_back(line(reply, 6) + " " + line(reply, 8));
  }
  CHECK(events == std::vector<std::string>{"insert a", "insert b", "update a", "delete b"});
  const std::string all = db.run(all_of_them);
  CHECK(line(all, 1) == position);
  CHECK(line(all, 3) == "*4");
  CHECK(db.run("DOC CHANGES users SINCE " + position) == "*3\n" + position + "\n0\n*0");
  CHECK(db.run("DOC CHANGES users SINCE 9-9").find("history does not contain") !=
        std::string::npos);
  CHECK(db.run("DOC CHANGES users SINCE x").starts_with("ERROR: SINCE takes"));
  CHECK(db.run("DOC CHANGES users SINCE").starts_with("ERROR: SINCE"));
  CHECK(db.run("DOC CHANGES _x").starts_with("ERROR: a collection's name"));
  TestDb without;
  CHECK(without.run("DOC CHANGES users").starts_with("ERROR: changes are read from the log"));

  // Nor is one call made to read any amount of log in which there is nothing for it.
  for (int i = 0; i < 50; ++i) CHECK(db.run("SET k " + std::string(900'000, 'x')) == "OK");
  const auto& log = db.database().log();
  for (int i = 0; i < 20'000 && log.committed_lsn() < log.last_lsn(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const std::string part = db.run("DOC CHANGES users SINCE " + position);
  CHECK(line(part, 2) == "1");
  CHECK(line(part, 3) == "*0");
  CHECK(line(part, 1) != position);
  CHECK(line(db.run("DOC CHANGES users SINCE " + line(part, 1)), 2) == "0");
}

}  // namespace kimdb::database
