// /metrics of the real server: Prometheus' text format 0.0.4 to the letter, the rules of `promtool
// check metrics`, and numbers that are true.
//
// The format: https://prometheus.io/docs/instrumenting/exposition_formats/; the rules are those of
// promlint (client_golang), which promtool uses.
#include <doctest/doctest.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/server/master_and_slave.h"
#include "tests/support/http_server.h"
#include "tests/support/test_server.h"

namespace kimdb::support {
namespace {

struct Sample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

struct Family {
  std::string type;
  std::string help;
  std::vector<Sample> samples;
};

bool is_name(std::string_view text) {
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

// Reads an exposition as strictly as its grammar is; what is wrong fails the test.
class Exposition {
 public:
  explicit Exposition(const std::string& text) {
    REQUIRE(text.ends_with("\n"));
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t end = text.find('\n', at);
      read_line(std::string_view(text).substr(at, end - at));
      at = end + 1;
    }
  }

  const std::map<std::string, Family>& families() const { return families_; }

  // NaN where there is no such sample.
  double value(const std::string& name,
               const std::map<std::string, std::string>& labels = {}) const {
    for (const auto& [family, its] : families_)
      for (const Sample& sample : its.samples)
        if (sample.name == name && sample.labels == labels) return sample.value;
    return std::numeric_limits<double>::quiet_NaN();
  }

 private:
  void read_line(std::string_view line) {
    INFO(std::string(line));
    if (line.starts_with("# HELP ")) return about(line.substr(7), &Family::help);
    if (line.starts_with("# TYPE ")) return about(line.substr(7), &Family::type);
    REQUIRE(!line.starts_with("#"));
    Sample sample;
    std::size_t at = line.find_first_of("{ ");
    REQUIRE(at != std::string_view::npos);
    sample.name = line.substr(0, at);
    REQUIRE(is_name(sample.name));
    if (line[at] == '{') read_labels(line, at, sample);
    REQUIRE(line[at] == ' ');
    const std::string_view number = line.substr(at + 1);
    const auto read = std::from_chars(number.data(), number.data() + number.size(), sample.value);
    REQUIRE(read.ec == std::errc());
    REQUIRE(read.ptr == number.data() + number.size());
    // All lines of a metric stand together, and its TYPE before them.
    REQUIRE(!current_.empty());
    Family& family = families_[current_];
    REQUIRE(!family.type.empty());
    if (family.type == "histogram")
      REQUIRE((sample.name == current_ + "_bucket" || sample.name == current_ + "_sum" ||
               sample.name == current_ + "_count"));
    else
      REQUIRE(sample.name == current_);
    REQUIRE(seen_.insert({sample.name, sample.labels}).second);
    family.samples.push_back(std::move(sample));
  }

  void about(std::string_view rest, std::string Family::*part) {
    const std::string name(rest.substr(0, rest.find(' ')));
    REQUIRE(is_name(name));
    if (name != current_) REQUIRE(!families_.contains(name));
    current_ = name;
    std::string& text = families_[name].*part;
    REQUIRE(text.empty());
    text = rest.substr(name.size() + 1);
    REQUIRE(!text.empty());
    REQUIRE(families_[name].samples.empty());
  }

  // `at` moves from { behind }.
  static void read_labels(std::string_view line, std::size_t& at, Sample& sample) {
    do {
      ++at;
      const std::size_t equals = line.find("=\"", at);
      REQUIRE(equals != std::string_view::npos);
      const std::string name(line.substr(at, equals - at));
      REQUIRE(is_name(name));
      std::string value;
      for (at = equals + 2; at < line.size() && line[at] != '"'; ++at) {
        if (line[at] != '\\') {
          value += line[at];
          continue;
        }
        const char escaped = line[++at];
        REQUIRE((escaped == '\\' || escaped == '"' || escaped == 'n'));
        value += escaped == 'n' ? '\n' : escaped;
      }
      REQUIRE(sample.labels.emplace(name, value).second);
      ++at;
    } while (at < line.size() && line[at] == ',');
    REQUIRE(line[at] == '}');
    ++at;
  }

  std::map<std::string, Family> families_;
  std::string current_;
  std::set<std::pair<std::string, std::map<std::string, std::string>>> seen_;
};

// What promlint would say.
void lint(const std::string& name, const Family& family) {
  INFO(name);
  CHECK_MESSAGE(!family.help.empty(), "no help text");
  CHECK_MESSAGE((family.type == "counter" || family.type == "gauge" || family.type == "histogram"),
                family.type);
  CHECK_MESSAGE((family.type == "counter") == name.ends_with("_total"),
                "_total is for counters, and for all of them");
  if (family.type != "histogram") {
    for (const char* suffix : {"_bucket", "_sum", "_count"}) CHECK(!name.ends_with(suffix));
    for (const Sample& sample : family.samples) CHECK(!sample.labels.contains("le"));
  }
  std::string_view rest(name);
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find('_'));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    for (const char* type : {"counter", "gauge", "histogram", "summary"}) CHECK(word != type);
    for (const char* unit :
         {"s",      "ms",   "us",           "ns",           "sec",         "b",
          "kb",     "mb",   "gb",           "tb",           "pb",          "m",
          "h",      "d",    "milliseconds", "microseconds", "nanoseconds", "minutes",
          "hours",  "days", "kilobytes",    "megabytes",    "gigabytes",   "bits",
          "percent"})
      CHECK_MESSAGE(word != unit, "no base unit: ", unit);
    CHECK(std::none_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
  }
}

// Buckets that hold what the smaller ones hold, up to all.
void check_histograms(const std::string& name, const Family& family) {
  INFO(name);
  std::map<std::map<std::string, std::string>, std::vector<std::pair<std::string, double>>> buckets;
  std::map<std::map<std::string, std::string>, double> counts, sums;
  for (Sample sample : family.samples) {
    if (sample.name.ends_with("_bucket")) {
      REQUIRE(sample.labels.contains("le"));
      const std::string bound = sample.labels["le"];
      sample.labels.erase("le");
      buckets[sample.labels].emplace_back(bound, sample.value);
    } else {
      (sample.name.ends_with("_sum") ? sums : counts)[sample.labels] = sample.value;
    }
  }
  CHECK(buckets.size() == counts.size());
  CHECK(buckets.size() == sums.size());
  for (const auto& [labels, its] : buckets) {
    CHECK(its.back().first == "+Inf");
    CHECK(its.back().second == counts[labels]);
    CHECK(std::is_sorted(its.begin(), its.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; }));
    CHECK(std::is_sorted(its.begin(), its.end() - 1, [](const auto& a, const auto& b) {
      return std::stod(a.first) < std::stod(b.first);
    }));
  }
}

Exposition metrics(HttpServer& http) {
  const HttpResponse response = http.request("GET", "/metrics");
  CHECK(response.status == 200);
  CHECK(response.headers.at("content-type") == "text/plain; version=0.0.4");
  return Exposition(response.body);
}

}  // namespace

TEST_CASE("the metrics are in Prometheus' format, and promtool has nothing to say about them") {
  HttpServer http;
  TcpClient client = http.server().connect();
  for (const char* line : {"SET a 1", "SELECT 3", "SET b 2 EX 100", "GET nosuch", "NOSUCH", "INCR",
                           "DOC PUT users u1 {}", "CREATE TABLE t (id INT PRIMARY KEY)"})
    client.ask(line);
  const Exposition all = metrics(http);
  CHECK(all.families().size() > 30);
  for (const auto& [name, family] : all.families()) {
    lint(name, family);
    CHECK_MESSAGE(!family.samples.empty(), name);
    if (family.type == "histogram") check_histograms(name, family);
  }
}

TEST_CASE("the metrics count what was done") {
  HttpServer http;
  TcpClient client = http.server().connect();
  for (int i = 0; i < 10; ++i) CHECK(client.ask("SET k" + std::to_string(i) + " v") == "OK");
  CHECK(client.ask("SET k0 v EX 100") == "OK");
  CHECK(client.ask("GET k1") == "v");
  CHECK(client.ask("GET k99") == "ERROR: key not found");
  CHECK(client.ask("INCR k1").starts_with("ERROR: "));
  CHECK(client.ask("GETEX").starts_with("ERROR: "));
  CHECK(client.ask("NOSUCH").starts_with("ERROR: "));
  CHECK(client.call({"DOC", "PUT", "users", "u1", "{}", "IFVERSION", "7"}).is_error());
  const Exposition all = metrics(http);
  CHECK(all.value("kimdb_operations_total", {{"command", "set"}}) == 11);
  CHECK(all.value("kimdb_command_duration_seconds_count", {{"command", "set"}}) == 11);
  CHECK(all.value("kimdb_command_duration_seconds_sum", {{"command", "set"}}) > 0);
  CHECK(all.value("kimdb_command_duration_seconds_sum", {{"command", "set"}}) < 60);
  CHECK(all.value("kimdb_operations_failed_total", {{"command", "incr"}}) == 1);
  CHECK(all.value("kimdb_operations_rejected_total", {{"command", "getex"}}) == 1);
  CHECK(all.value("kimdb_errors_total", {{"code", "ERR"}}) >= 3);
  CHECK(all.value("kimdb_key_lookups_total", {{"result", "miss"}}) >= 1);
  CHECK(all.value("kimdb_keys", {{"keyspace", "0"}}) == 10);
  CHECK(all.value("kimdb_keys_expiring", {{"keyspace", "0"}}) == 1);
  CHECK(all.value("kimdb_connections", {{"protocol", "tcp"}}) == 1);
  CHECK(all.value("kimdb_connections", {{"protocol", "http"}}) == 1);
  CHECK(all.value("kimdb_wal_fsync_duration_seconds_count") >= 11);
  CHECK(all.value("kimdb_wal_written_bytes_total") > 100);
  CHECK(all.value("kimdb_wal_durable_lsn") >= 12);
  CHECK(all.value("kimdb_is_master") == 1);
}

TEST_CASE("a command that takes long is counted in the bucket of its time") {
  HttpServer http;
  CHECK(http.server().connect().ask("DEBUG SLEEP 0.2") == "OK");
  const Exposition all = metrics(http);
  const auto up_to = [&](const char* bound) {
    return all.value("kimdb_command_duration_seconds_bucket",
                     {{"command", "debug"}, {"le", bound}});
  };
  CHECK(up_to("0.1") == 0);
  CHECK(up_to("10") == 1);
  CHECK(all.value("kimdb_command_duration_seconds_sum", {{"command", "debug"}}) >= 0.2);
}

TEST_CASE("counters of metrics go on where CONFIG RESETSTAT lets those of INFO begin anew") {
  HttpServer http;
  TcpClient client = http.server().connect();
  CHECK(client.ask("SET a 1") == "OK");
  CHECK(client.ask("CONFIG RESETSTAT") == "OK");
  CHECK(client.ask("SET a 1") == "OK");
  CHECK(metrics(http).value("kimdb_operations_total", {{"command", "set"}}) == 2);
  CHECK(client.call({"INFO", "commandstats"}).raw.find("cmdstat_set:calls=1,") !=
        std::string::npos);
}

TEST_CASE("METRICS is a command as well") {
  TestServer server;
  const Exposition all(server.connect().call({"METRICS"}).text);
  CHECK(all.value("kimdb_wal_last_lsn") >= 1);
}

TEST_CASE("health and metrics are answered while writes wait for a slave that is not there") {
  std::vector<std::string> settings = master_settings(free_port());
  settings.push_back("replication.on_timeout=block");
  HttpServer http(settings);
  TcpClient writer = http.server().connect();
  writer.send("SET a 1\n");
  CHECK(becomes("waits", [&] {
    const Exposition all = metrics(http);
    return all.value("kimdb_wal_committed_lsn") < all.value("kimdb_wal_durable_lsn") &&
                   all.value("kimdb_operations_total", {{"command", "set"}}) == 1
               ? "waits"
               : "is there";
  }));
  CHECK(http.request("GET", "/health").status == 200);
  CHECK(http.request("GET", "/ready").status == 200);
  const Exposition all = metrics(http);
  CHECK(all.value("kimdb_keys", {{"keyspace", "0"}}) == 1);
  CHECK(all.value("kimdb_replication_slaves") == 0);
  CHECK(writer.receive_available().empty());
  http.server().kill();
}

TEST_CASE("the lag of slaves is in the metrics of both sides") {
  const std::uint16_t port = free_port();
  HttpServer master(master_settings(port));
  HttpServer slave(slave_settings(port, free_port()));
  CHECK(master.server().connect().ask("SET a 1") == "OK");
  CHECK(become_equal(master.server(), slave.server()));
  for (HttpServer* http : {&master, &slave}) {
    const Exposition all = metrics(*http);
    for (const char* name : {"kimdb_replication_lag_lsn", "kimdb_replication_lag_bytes",
                             "kimdb_replication_lag_seconds"}) {
      CAPTURE(name);
      REQUIRE(all.families().contains(name));
      CHECK(all.families().at(name).samples.size() == 1);
      CHECK(all.families().at(name).samples[0].labels.contains("replica"));
    }
    for (const auto& [name, family] : all.families()) lint(name, family);
  }
  CHECK(metrics(slave).value("kimdb_replication_connected") == 1);
  CHECK(metrics(slave).value("kimdb_is_master") == 0);
  CHECK(metrics(master).value("kimdb_replication_slaves") == 1);
}

}  // namespace kimdb::support
