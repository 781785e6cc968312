#include "tests/engine/model.h"

#include <algorithm>
#include <stdexcept>

#include "engine/key_scan.h"

namespace kimdb::engine::test {

void Model::apply(Lsn lsn, const Operation& o) {
  const Key key{o.keyspace, std::string(o.key)};
  const auto found = entries.find(key);
  switch (o.kind) {
    case OperationKind::put:
      entries[key] = {std::string(o.value), o.expires_at, lsn};
      break;
    case OperationKind::remove:
      entries.erase(key);
      break;
    case OperationKind::set_expiry:
      if (found != entries.end()) found->second = {found->second.bytes, o.expires_at, lsn};
      break;
    case OperationKind::write_range: {
      Value& value = entries[key];
      value.lsn = lsn;
      if (value.bytes.size() < o.number + o.value.size())
        value.bytes.resize(o.number + o.value.size());
      value.bytes.replace(o.number, o.value.size(), o.value);
      break;
    }
    case OperationKind::flush:
      std::erase_if(entries, [&](const auto& entry) {
        return o.keyspace == kEveryKeyspace ? entry.first.first < kKeyKeyspaces
                                            : o.keyspace == entry.first.first;
      });
      break;
    case OperationKind::request: {
      Client& client = clients[std::string(o.key)];
      client.results.try_emplace(o.number, lsn, std::string(o.value));
      if (client.results.size() > 128) {
        client.dropped_through = std::max(client.dropped_through, client.results.begin()->first);
        client.results.erase(client.results.begin());
      }
      break;
    }
    case OperationKind::forget:
      clients.erase(std::string(o.key));
      break;
    case OperationKind::dropped:
      clients[std::string(o.key)].dropped_through = o.number;
      break;
  }
}

void Model::apply(Lsn lsn, std::string_view mutation) {
  while (!mutation.empty()) apply(lsn, take_operation(mutation).value());
}

namespace {

std::string in_words(const Model::Value& value) {
  return "'" + value.bytes + "' expires " + std::to_string(value.expires_at) + " lsn " +
         std::to_string(value.lsn);
}

std::string in_words(const Model::Client& client) {
  std::string text = "dropped " + std::to_string(client.dropped_through) + ":";
  for (const auto& [sequence, result] : client.results)
    text += " " + std::to_string(sequence) + "@" + std::to_string(result.first) + result.second;
  return text;
}

std::string in_words(const Model::Key& key) { return std::to_string(key.first) + "/" + key.second; }
std::string in_words(const std::string& name) { return "client " + name; }

template <class Map>
std::string first_difference(const Map& expected, const Map& found) {
  for (const auto& [key, value] : expected) {
    const auto other = found.find(key);
    if (other == found.end()) return in_words(key) + " is missing: " + in_words(value);
    if (!(other->second == value))
      return in_words(key) + " is " + in_words(other->second) + ", expected " + in_words(value);
  }
  for (const auto& [key, value] : found)
    if (!expected.contains(key)) return in_words(key) + " should not be: " + in_words(value);
  return {};
}

void add(Model& model, std::uint8_t keyspace, const Entry& entry) {
  const auto [at, added] = model.entries.try_emplace(
      Model::Key{keyspace, std::string(entry.key())},
      Model::Value{std::string(entry.value()), entry.expires_at(), entry.lsn()});
  if (!added) throw std::runtime_error("seen twice: " + at->first.second);
}

}  // namespace

std::string difference(const Model& expected, const Model& found) {
  const std::string text = first_difference(expected.entries, found.entries);
  return text.empty() ? first_difference(expected.clients, found.clients) : text;
}

std::vector<Operation> operations_of(const Engine& engine, std::string_view mutation) {
  std::vector<Operation> operations;
  while (!mutation.empty()) {
    operations.push_back(take_operation(mutation).value());
    operations.back().hash = engine.hash(operations.back().key);
  }
  return operations;
}

Model state_of(Engine& engine) {
  Model model;
  for (std::size_t i = 0; i < engine.partition_count(); ++i) {
    Partition& partition = engine.partition(i);
    MutexLock lock(partition.mutex());
    for (std::uint8_t keyspace = 0; keyspace < kKeyspaces; ++keyspace) {
      const EntryTable* table = partition.table(keyspace);
      for (auto position = EntryTable::kBegin; table != nullptr && position < EntryTable::kEnd;)
        position =
            table->walk_group(position, [&](const Entry* entry) { add(model, keyspace, *entry); });
    }
    partition.requests().for_each([&](std::string_view name, const RequestLog::Client& client) {
      Model::Client& found = model.clients[std::string(name)];
      found.dropped_through = client.dropped_through;
      for (const auto& result : client.results)
        found.results[result.sequence] = {result.lsn, result.reply};
    });
  }
  return model;
}

Model state_at(Engine& engine, const ReadView& view) {
  Model model;
  for (std::uint8_t keyspace = 0; keyspace < kKeyspaces; ++keyspace) {
    KeyScan scan(engine, view, keyspace);
    while (scan.step([&](const Entry& entry) { add(model, keyspace, entry); })) {
    }
  }
  return model;
}

void apply_record(Engine& engine, Lsn lsn, std::string_view mutation) {
  for (const Operation& operation : operations_of(engine, mutation)) engine.apply(lsn, operation);
}

void apply_transaction(Engine& engine, Lsn lsn, std::string_view mutation) {
  const auto operations = operations_of(engine, mutation);
  for (const Operation& operation : operations) engine.apply(kOwnRecord, operation);
  for (const Operation& operation : operations) engine.settle(lsn, operation);
}

std::string RecordMaker::next(Model& state, Lsn lsn) {
  std::string record;
  const auto operations = 1 + random_.below(static_cast<std::uint64_t>(options_.operations_max));
  for (std::uint64_t i = 0; i < operations; ++i) {
    if (options_.clients > 0 && chance(6)) {
      add_request(record, state, lsn);
      continue;
    }
    const std::string name = key(), value = bytes(chance(3) ? 8 : random_.below(120));
    Operation o{.keyspace = static_cast<std::uint8_t>(
                    random_.below(static_cast<std::uint64_t>(options_.keyspaces))),
                .key = name,
                .value = value};
    const auto found = state.entries.find({o.keyspace, name});
    const bool exists = found != state.entries.end();
    o.replaces = exists ? (found->second.lsn == lsn ? kOwnRecord : found->second.lsn) : 0;
    const auto expires_at = static_cast<std::int64_t>(1000 + random_.below(100000));
    if (options_.flushes && chance(150)) {
      o = {.kind = OperationKind::flush, .keyspace = chance(3) ? kEveryKeyspace : o.keyspace};
    } else if (exists && chance(3)) {
      o.kind = OperationKind::remove;
      o.reason = static_cast<RemoveReason>(random_.below(3));
    } else if (exists && chance(4)) {
      o.kind = OperationKind::set_expiry;
      o.expires_at = chance(3) ? 0 : expires_at;
    } else if (chance(4)) {
      o.kind = OperationKind::write_range;
      o.number = random_.below(60);
    } else {
      o.expires_at = chance(3) ? expires_at : 0;
    }
    append_encoded(record, o);
    state.apply(lsn, o);
  }
  return record;
}

void RecordMaker::add_request(std::string& record, Model& state, Lsn lsn) {
  const std::string name =
      options_.prefix + "client" +
      std::to_string(random_.below(static_cast<std::uint64_t>(options_.clients)));
  Model::Client& client = state.clients[name];
  const std::string reply = bytes(random_.below(20));
  Operation o{.kind = OperationKind::request, .key = name, .value = reply};
  // Mostly the next number; with gaps, which later ones fill.
  o.number = (client.results.empty() ? client.dropped_through : client.results.rbegin()->first) +
             1 + random_.below(3);
  if (const std::uint64_t late = o.number > 6 ? o.number - 6 : 0;
      chance(4) && late > client.dropped_through && !client.results.contains(late))
    o.number = late;
  if (chance(400)) o = {.kind = OperationKind::forget, .key = name};
  append_encoded(record, o);
  state.apply(lsn, o);
}

std::string RecordMaker::key() {
  const std::uint64_t number = random_.below(static_cast<std::uint64_t>(options_.keys));
  return options_.prefix + std::to_string(number) + std::string(number % 20, '.');
}

std::string RecordMaker::bytes(std::size_t size) {
  std::string text(size, ' ');
  for (char& c : text) c = static_cast<char>('a' + random_.below(26));
  return text;
}

}  // namespace kimdb::engine::test
