// Writers that keep a ledger of what they sent and what was acknowledged, and compare it with a
// server that has come back, or taken over.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "tests/support/ledger.h"
#include "tests/support/test_server.h"

namespace kimdb::support {

inline constexpr std::size_t kWriters = 32;
inline constexpr std::size_t kKeysEach = 6;
inline constexpr std::uint64_t kRetried =
    100;  // of the 128 answers that the server keeps for each client

// What one writer was shown of another one's key; told to that key's ledger once all have stopped.
struct Sighting {
  std::size_t writer;
  std::size_t key;
  std::uint64_t number;
};

// One client with keys of its own. run() is the only one to touch it while it runs.
class Writer {
 public:
  Writer(std::size_t number, std::uint64_t seed)
      : name_("w" + std::to_string(number)), random_(seed) {
    for (std::size_t i = 0; i < kKeysEach; ++i) keys_.emplace_back(name_ + ":" + std::to_string(i));
  }

  // Writes and reads until the connection dies.
  void run(std::uint16_t port) {
    try {
      TcpClient client(port);
      while (failure_.empty()) batch(client);
    } catch (const TcpError&) {
      // The server was killed, or takes no writes any more.
    }
  }

  // Against the server that came back; what is wrong goes to failure().
  void verify(TcpClient& client) {
    for (LedgerKey& key : keys_) {
      const RespReply stored = client.call({"GET", key.key()});
      complain(
          key.settle(stored.null ? std::nullopt : std::optional<std::string_view>(stored.text)));
    }
    verify_pair(client);
    verify_once(client);
  }

  const std::string& name() const { return name_; }
  const std::string& failure() const { return failure_; }
  const std::vector<Sighting>& sightings() const { return sightings_; }
  void forget_sightings() { sightings_.clear(); }
  LedgerKey& key(std::size_t i) { return keys_[i]; }
  std::uint64_t acknowledged() const { return acknowledged_; }

 private:
  using Handler = std::function<void(const RespReply&)>;

  // Some commands in one write, as a pipelining client sends them, then their replies.
  void batch(TcpClient& client) {
    request_.clear();
    handlers_.clear();
    for (std::uint64_t count = 1 + random_.below(8); count > 0; --count) one_command();
    client.send(request_);
    for (const Handler& handler : handlers_) {
      const RespReply reply = client.receive_reply();
      // It has become a slave: what this one was, and those behind it, nobody knows.
      if (reply.raw.starts_with("-READONLY") || reply.raw.starts_with("-EXECABORT") ||
          reply.raw.starts_with("-REPL_TIMEOUT"))
        throw TcpError("it takes no writes any more");
      handler(reply);
    }
  }

  void one_command() {
    LedgerKey& key = keys_[random_.below(keys_.size())];
    switch (random_.below(8)) {
      case 0: {
        const std::uint64_t number = key.remove();
        // Whether there was something to remove is 1 or 0; either way the key is gone now.
        add({"DEL", key.key()}, [this, &key, number](const RespReply& reply) {
          if (expect(reply, reply.type == ':', "an integer")) key.promised(number);
        });
        break;
      }
      case 1:
        look_elsewhere();
        break;
      case 2:
        write_pair();
        break;
      case 3:
        write_once();
        break;
      default: {
        const std::uint64_t number = key.put();
        add({"SET", key.key(), ledger_value(key.key(), number)},
            [this, &key, number](const RespReply& reply) {
              if (expect(reply, reply.raw == "+OK\r\n", "+OK")) key.promised(number);
            });
      }
    }
  }

  // A value shown to a reader is promised as well: no crash may take it back.
  void look_elsewhere() {
    const std::size_t writer = random_.below(kWriters);
    const std::size_t index = random_.below(kKeysEach);
    const std::string key = "w" + std::to_string(writer) + ":" + std::to_string(index);
    add({"GET", key}, [this, writer, index, key](const RespReply& reply) {
      if (reply.null) return;
      const auto number = ledger_number(key, reply.text);
      if (expect(reply, number.has_value(), "a value of " + key)) {
        sightings_.push_back({writer, index, *number});
      }
    });
  }

  // Two keys written by one transaction hold the same at any time.
  void write_pair() {
    const std::uint64_t number = ++pair_sent_;
    const std::string value = std::to_string(number);
    const Handler ok = [this](const RespReply& reply) {
      expect(reply, reply.raw == "+OK\r\n" || reply.raw == "+QUEUED\r\n", "+OK or +QUEUED");
    };
    add({"MULTI"}, ok);
    add({"SET", name_ + ":left", value}, ok);
    add({"SET", name_ + ":right", value}, ok);
    add({"EXEC"}, [this, number](const RespReply& reply) {
      if (expect(reply, reply.raw == "*2\r\n+OK\r\n+OK\r\n", "*2 +OK +OK")) pair_promised_ = number;
    });
  }

  void verify_pair(TcpClient& client) {
    const RespReply pair = client.call({"MGET", name_ + ":left", name_ + ":right"});
    if (!expect(pair, pair.elements.size() == 2, "two values")) return;
    if (!expect(pair, pair.elements[0].raw == pair.elements[1].raw,
                "both halves of one transaction"))
      return;
    const std::uint64_t stored = pair.elements[0].null ? 0 : std::stoull(pair.elements[0].text);
    if (!expect(pair, stored >= pair_promised_ && stored <= pair_sent_,
                "a number from " + std::to_string(pair_promised_) + " to " +
                    std::to_string(pair_sent_))) {
      return;
    }
    pair_promised_ = stored;
  }

  // A counter is raised once for each sequence number, so the answer to number n is n – also when
  // asked again.
  void write_once() { add_once(++once_sent_); }

  void add_once(std::uint64_t sequence) {
    add({"ID", name_, std::to_string(sequence), "INCR", name_ + ":once"},
        [this, sequence](const RespReply& reply) {
          expect(reply, reply.raw == ":" + std::to_string(sequence) + "\r\n",
                 "the answer " + std::to_string(sequence) + " to that sequence number");
        });
  }

  void verify_once(TcpClient& client) {
    if (once_sent_ == 0) return;
    request_.clear();
    handlers_.clear();
    const std::uint64_t first = once_sent_ > kRetried ? once_sent_ - kRetried : 1;
    for (std::uint64_t sequence = first; sequence <= once_sent_; ++sequence) add_once(sequence);
    client.send(request_);
    for (const Handler& handler : handlers_) handler(client.receive_reply());
    const RespReply counter = client.call({"GET", name_ + ":once"});
    expect(counter, counter.text == std::to_string(once_sent_), std::to_string(once_sent_));
  }

  void add(std::initializer_list<std::string_view> words, Handler handler) {
    request_ += resp_request(words);
    handlers_.push_back(std::move(handler));
  }

  bool expect(const RespReply& reply, bool good, const std::string& wanted) {
    if (good) ++acknowledged_;
    if (!good) complain("wanted " + wanted + ", got " + readable(reply.raw));
    return good;
  }
  void complain(const std::string& what) {
    if (failure_.empty() && !what.empty()) failure_ = name_ + ": " + what;
  }

  std::string name_;
  SeededRandom random_;
  std::vector<LedgerKey> keys_;
  std::uint64_t pair_sent_ = 0;
  std::uint64_t pair_promised_ = 0;
  std::uint64_t once_sent_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::vector<Sighting> sightings_;
  std::string failure_;
  std::string request_;
  std::vector<Handler> handlers_;
};

using Writers = std::vector<std::unique_ptr<Writer>>;

inline Writers make_writers(std::uint64_t seed) {
  Writers writers;
  for (std::size_t i = 0; i < kWriters; ++i)
    writers.push_back(std::make_unique<Writer>(i, seed + i + 1));
  return writers;
}

// Each in a thread of its own, until its connection dies.
inline std::vector<std::jthread> start_writing(Writers& writers, std::uint16_t port) {
  std::vector<std::jthread> threads;
  for (auto& writer : writers) threads.emplace_back([&writer, port] { writer->run(port); });
  return threads;
}

// The writers have stopped; fails the test where something is lost or invented.
inline void verify_all(TestServer& server, Writers& writers) {
  for (auto& writer : writers) {
    for (const Sighting& seen : writer->sightings()) {
      writers[seen.writer]->key(seen.key).promised(seen.number);
    }
    writer->forget_sightings();
  }
  TcpClient client = server.connect();
  for (auto& writer : writers) {
    writer->verify(client);
    REQUIRE_MESSAGE(writer->failure().empty(), writer->failure());
  }
}

inline std::uint64_t acknowledged_by(const Writers& writers) {
  std::uint64_t sum = 0;
  for (const auto& writer : writers) sum += writer->acknowledged();
  return sum;
}

}  // namespace kimdb::support
