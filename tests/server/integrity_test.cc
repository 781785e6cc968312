// 1,000 documents under clients that read and write over WebSockets, reconnect, and lose the server
// by kill -9: each document is read again after every kill, and none may differ from its ledger.
//
// KIMDB_KILLS says how often (tools/proof.sh: 100).
#include <doctest/doctest.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "base/utf8.h"
#include "engine/json_tree.h"
#include "tests/support/http_server.h"
#include "tests/support/ledger.h"
#include "tests/support/test_seed.h"
#include "tests/support/websocket_client.h"

namespace kimdb::server {
namespace {

using support::HttpServer;
using support::ledger_number;
using support::ledger_value;
using support::LedgerKey;
using support::TcpError;
using support::WebSocketClient;

constexpr std::size_t kClients = 8;
constexpr std::size_t kDocumentsEach = 125;

// The bytes of a ledger's value as text, each a code point, and back: escapes and all.
std::string text_of(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) append_utf8(text, static_cast<unsigned char>(c));
  return text;
}

std::string bytes_of(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    bytes += c < 0x80 ? text[i] : static_cast<char>(c << 6 | (text[++i] & 0x3f));
  }
  return bytes;
}

struct Document {
  explicit Document(std::string id) : ledger(std::move(id)) {}

  LedgerKey ledger;
  std::optional<std::uint64_t> latest;  // the number of the write that it shows; none: not there
  bool in_doubt = false;  // a write to it was cut off: nothing follows it until the server is dead
};

// What a document's own client, or another one, is told of it by `doc_get_ok`.
struct Shown {
  std::string id;
  std::optional<std::string> value;
};

Shown shown_by(const std::string& reply) {
  const auto tree = engine::parse_json_tree(reply);
  REQUIRE_MESSAGE(tree, reply);
  const engine::JsonMember* data = tree->find("data");
  REQUIRE_MESSAGE(data != nullptr, reply);
  Shown shown{engine::decode_json_string(tree->find("id")->value.text), std::nullopt};
  if (data->value.kind != engine::JsonKind::object) return shown;
  const engine::JsonMember* value = data->value.find("value");
  REQUIRE_MESSAGE(value != nullptr, reply);
  shown.value = bytes_of(engine::decode_json_string(value->value.text));
  return shown;
}

std::string get_message(const std::string& id) {
  return R"({"type":"doc_get","collection":"c","id":")" + id + "\"}";
}

class Client {
 public:
  Client(std::size_t number, std::uint64_t seed) : random_(seed) {
    for (std::size_t i = 0; i < kDocumentsEach; ++i) documents_.emplace_back(id_of(number, i));
  }

  // Connects, talks, is cut off or leaves, and comes back, until the server is gone.
  void run(std::uint16_t port) {
    try {
      for (;;) {
        WebSocketClient socket(port);
        while (exchange(socket)) {
        }
        ++reconnects_;
      }
    } catch (const TcpError&) {
      // The server was killed.
    }
    leave_in_doubt();
  }

  // Against the server that came back.
  void verify(WebSocketClient& socket) {
    for (const Document& document : documents_) socket.send(get_message(document.ledger.key()));
    for (Document& document : documents_) {
      const Shown shown = shown_by(socket.receive());
      complain(document.ledger.settle(shown.value));
      document.latest.reset();
      if (shown.value) document.latest = ledger_number(shown.id, *shown.value);
      document.in_doubt = false;
    }
  }

  // What an index finds is what was read.
  void verify_by_index(WebSocketClient& socket) {
    for (const Document& document : documents_) {
      if (!document.latest) continue;
      const std::string reply = socket.ask(R"({"type":"query","collection":"c","filter":{"n":)" +
                                           std::to_string(*document.latest) + R"(,"key":")" +
                                           document.ledger.key() + "\"}}");
      if (reply.find(R"("count":1,)") == std::string::npos)
        complain(document.ledger.key() + " is not found by its index: " + reply);
    }
  }

  static std::string id_of(std::size_t client, std::size_t document) {
    return "d" + std::to_string(client * kDocumentsEach + document);
  }

  std::vector<Document>& documents() { return documents_; }
  std::vector<Shown>& sightings() { return sightings_; }
  const std::string& failure() const { return failure_; }
  void complain(const std::string& what) {
    if (failure_.empty()) failure_ = what;
  }
  std::uint64_t reads() const { return reads_; }
  std::uint64_t writes() const { return writes_; }
  std::uint64_t reconnects() const { return reconnects_; }
  std::uint64_t existing() const {
    std::uint64_t count = 0;
    for (const Document& document : documents_) count += document.latest ? 1 : 0;
    return count;
  }

 private:
  enum class Kind : std::uint8_t { write, read_own, read_other };
  struct Sent {
    Kind kind;
    Document* document;  // of read_other: none
    std::uint64_t number;
    std::optional<std::uint64_t> expected;  // of read_own: what it must show
  };

  // Some messages in one go, then their replies. False where the connection ends here.
  bool exchange(WebSocketClient& socket) {
    for (std::uint64_t count = 1 + random_.below(8); count > 0; --count) one_message(socket);
    if (random_.below(100) == 0) {  // gone without a word, and without its answers
      leave_in_doubt();
      return false;
    }
    while (!sent_.empty()) {
      take(sent_.front(), socket.receive());
      sent_.erase(sent_.begin());
    }
    return failure_.empty() && random_.below(50) != 0;
  }

  void one_message(WebSocketClient& socket) {
    if (random_.below(4) == 0) {
      const std::string id = id_of(random_.below(kClients), random_.below(kDocumentsEach));
      sent_.push_back({Kind::read_other, nullptr, 0, {}});
      return socket.send(get_message(id));
    }
    Document& document = documents_[random_.below(documents_.size())];
    if (document.in_doubt) return;
    const std::string& id = document.ledger.key();
    switch (random_.below(6)) {
      case 0:
      case 1:
        sent_.push_back({Kind::read_own, &document, 0, document.latest});
        return socket.send(get_message(id));
      case 2:
        document.latest.reset();
        sent_.push_back({Kind::write, &document, document.ledger.remove(), {}});
        return socket.send(R"({"type":"delete","collection":"c","id":")" + id + "\"}");
      default: {
        const std::uint64_t number = document.ledger.put();
        document.latest = number;
        sent_.push_back({Kind::write, &document, number, {}});
        std::string message = R"({"type":"doc_save","collection":"c","id":")" + id +
                              R"(","data":{"n":)" + std::to_string(number) + R"(,"key":")" + id +
                              R"(","value":)";
        append_json_string(message, text_of(ledger_value(id, number)));
        return socket.send(message + "}}");
      }
    }
  }

  void take(const Sent& sent, const std::string& reply) {
    if (sent.kind == Kind::write) {
      ++writes_;
      if (reply.find("_ok\"") == std::string::npos) return complain(reply);
      return sent.document->ledger.promised(sent.number);
    }
    ++reads_;
    Shown shown = shown_by(reply);
    if (sent.kind == Kind::read_other) {
      if (shown.value) sightings_.push_back(std::move(shown));
      return;
    }
    const std::optional<std::uint64_t> number =
        shown.value ? ledger_number(shown.id, *shown.value) : std::nullopt;
    if (number != sent.expected || shown.value.has_value() != number.has_value())
      complain(shown.id + " does not show its client's last write: " + reply);
  }

  void leave_in_doubt() {
    for (const Sent& sent : sent_)
      if (sent.kind == Kind::write) sent.document->in_doubt = true;
    sent_.clear();
  }

  SeededRandom random_;
  std::vector<Document> documents_;
  std::vector<Sent> sent_;  // and not answered
  std::vector<Shown> sightings_;
  std::string failure_;
  std::uint64_t reads_ = 0;
  std::uint64_t writes_ = 0;
  std::uint64_t reconnects_ = 0;
};

using Clients = std::vector<std::unique_ptr<Client>>;

// What somebody was shown is promised, as what was acknowledged is.
void promise_sightings(Clients& clients) {
  for (auto& client : clients) {
    for (const Shown& seen : client->sightings()) {
      const std::size_t at = std::stoull(seen.id.substr(1));
      LedgerKey& ledger = clients[at / kDocumentsEach]->documents()[at % kDocumentsEach].ledger;
      const auto number = ledger_number(seen.id, *seen.value);
      REQUIRE_MESSAGE(number, seen.id << " was shown as it never was");
      ledger.promised(*number);
    }
    client->sightings().clear();
  }
}

}  // namespace

TEST_CASE("1,000 documents are what their clients know of them, with reconnects and kill -9") {
  const std::uint64_t seed = support::test_seed("1,000 documents are what their clients know");
  SeededRandom random(seed);
  const std::uint64_t kills = support::environment_number("KIMDB_KILLS", 5);
  HttpServer http({"wal.max_segment_size=1MB"});
  http.server().connect().call({"INDEX", "CREATE", "c", "number", "n"});
  Clients clients;
  for (std::size_t i = 0; i < kClients; ++i)
    clients.push_back(std::make_unique<Client>(i, seed + i + 1));

  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    {
      std::vector<std::jthread> threads;
      for (auto& client : clients)
        threads.emplace_back([&client, &http] { client->run(http.port()); });
      // The moment of a kill is what is drawn here; nothing is waited for.
      std::this_thread::sleep_for(std::chrono::milliseconds(50 + random.below(500)));
      if (random.below(3) == 0) http.server().connect().call({"BGSAVE"});
      http.server().kill();
    }
    http.server().restart();
    promise_sightings(clients);
    WebSocketClient socket(http.port());
    for (auto& client : clients) {
      client->verify(socket);
      client->verify_by_index(socket);
      REQUIRE_MESSAGE(client->failure().empty(), client->failure());
    }
  }

  std::uint64_t reads = 0, writes = 0, reconnects = 0, existing = 0;
  for (const auto& client : clients) {
    reads += client->reads();
    writes += client->writes();
    reconnects += client->reconnects();
    existing += client->existing();
  }
  CHECK(http.server().connect().call({"DOC", "COUNT", "c"}).raw ==
        ":" + std::to_string(existing) + "\r\n");
  CHECK(reconnects > kills);
  std::printf("%llu kills, %llu reconnects, %llu reads, %llu writes, %llu documents, no mismatch\n",
              static_cast<unsigned long long>(kills), static_cast<unsigned long long>(reconnects),
              static_cast<unsigned long long>(reads), static_cast<unsigned long long>(writes),
              static_cast<unsigned long long>(existing));
}

}  // namespace kimdb::server
