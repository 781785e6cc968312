// docs/backup.md, as it stands there: copies of a server that is written to.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/master_and_slave.h"
#include "tests/support/child_process.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_server.h"

namespace kimdb::support {
namespace {

// The commands of docs/backup.md that make a copy.
std::string commands_of_the_docs() {
  const std::string text = file_text("docs/backup.md");
  const std::size_t begin = text.find("```sh\n");
  REQUIRE(begin != std::string::npos);
  const std::size_t end = text.find("```\n", begin + 6);
  REQUIRE(end != std::string::npos);
  return text.substr(begin + 6, end - begin - 6);
}

// Runs them where ./data is the server's data; ./backup-1 is there then.
class Place {
 public:
  explicit Place(const std::string& data_directory) {
    std::filesystem::create_directory_symlink(data_directory, path() + "/data");
    std::filesystem::create_symlink(std::filesystem::absolute(built_binary("kimdb-cli")),
                                    path() + "/kimdb-cli");
    std::ofstream(path() + "/backup.sh") << commands_of_the_docs();
  }
  std::string path() const { return directory_.path(); }
  std::string backup() const { return path() + "/backup-1"; }

  void make_backup() {
    std::filesystem::remove_all(backup());
    const std::string command =
        "cd " + path() + " && PATH=.:$PATH timeout 60 sh -eu backup.sh >" + path() + "/out 2>&1";
    const int status = std::system(command.c_str());
    INFO(file_text(path() + "/out"));
    REQUIRE(status == 0);
  }

 private:
  TemporaryDirectory directory_;
};

// Writes "n" to two keys of its own at once, n = 1, 2, …, on a connection of its own.
class Writer {
 public:
  Writer(const TestServer& server, int number)
      : key_("w" + std::to_string(number)),
        client_(server.connect()),
        thread_([this] { write(); }) {}
  ~Writer() { stop(); }

  void stop() {
    stops_ = true;
    if (thread_.joinable()) thread_.join();
  }
  const std::string& key() const { return key_; }
  int answered() const { return answered_; }

 private:
  void write() {
    while (!stops_) {
      const std::string n = std::to_string(answered_ + 1);
      const std::string value = n + std::string(200, 'x');
      if (client_.ask("MSET " + key_ + " " + value + " " + key_ + "b " + value) != "OK") return;
      ++answered_;
    }
  }

  const std::string key_;
  TcpClient client_;
  std::atomic<bool> stops_{false};
  std::atomic<int> answered_{0};
  std::thread thread_;
};

}  // namespace

TEST_CASE("a copy of a server that is written to holds every write that was answered before") {
  // Segments and snapshots change while it is copied.
  TestServer server({"wal.max_segment_size=64KB", "snapshot.interval=1s"});
  std::vector<std::unique_ptr<Writer>> writers;
  for (int i = 0; i < 4; ++i) writers.push_back(std::make_unique<Writer>(server, i));
  Place place(server.data_directory());
  for (int round = 0; round < 3; ++round) {
    while (writers[0]->answered() < 200 * (round + 1)) std::this_thread::yield();
    std::vector<int> before;
    for (const auto& writer : writers) before.push_back(writer->answered());
    place.make_backup();
    std::vector<int> after;
    for (const auto& writer : writers) after.push_back(writer->answered());

    TestServer restored({"wal.data_directory=" + place.backup()});
    TcpClient client = restored.connect();
    for (std::size_t i = 0; i < writers.size(); ++i) {
      const std::string value = client.ask("GET " + writers[i]->key());
      CHECK(client.ask("GET " + writers[i]->key() + "b") == value);
      CHECK(std::stoi(value) >= before[i]);
      CHECK(std::stoi(value) <= after[i] + 1);
    }
    CHECK(client.ask("SET restored 1") == "OK");
    CHECK(restored.stop() == 0);
  }
}

TEST_CASE("a copy of a slave that runs is a server of its own, or a master") {
  const std::uint16_t port = free_port();
  TestServer master(master_settings(port));
  TestServer slave(slave_settings(port, free_port()));
  for (int i = 0; i < 100; ++i)
    REQUIRE(master.connect().ask("SET k" + std::to_string(i) + " v") == "OK");
  REQUIRE(become_equal(master, slave));
  Place place(slave.data_directory());
  place.make_backup();
  const std::string data = "wal.data_directory=" + place.backup();
  {
    TestServer alone({data});
    CHECK(digest(alone) == digest(slave));
    CHECK(alone.connect().ask("SET k0 w") == "OK");
  }
  std::vector<std::string> settings = master_settings(free_port());
  settings.insert(settings.end(),
                  {data, "replication.on_timeout=degrade", "replication.timeout=10ms"});
  TestServer as_master(settings);
  CHECK(as_master.connect().ask("SET k1 w") == "OK");
}

TEST_CASE("a snapshot alone is no backup, which its start says") {
  TestServer server;
  REQUIRE(server.connect().ask("SET a 1") == "OK");
  REQUIRE(server.connect().ask("SAVE") == "OK");
  const TemporaryDirectory copy;
  std::filesystem::copy(server.data_directory() + "/snapshots", copy.path() + "/snapshots");
  ChildProcess process(
      {built_binary("kimdb-server"), "--set", "wal.data_directory=" + copy.path(), "--set",
       "network.address=127.0.0.1:" + std::to_string(free_port()), "--set", "http.address="},
      copy.path() + "/output");
  CHECK(process.wait(std::chrono::seconds(30)) == 1);
  CHECK(file_text(copy.path() + "/output").find("META is missing") != std::string::npos);
}

}  // namespace kimdb::support
