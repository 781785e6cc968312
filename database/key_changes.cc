#include "database/key_changes.h"

namespace kimdb::database {

std::optional<const engine::Entry*> KeyChanges::find(std::uint8_t keyspace,
                                                     std::string_view key) const {
  if (bases_.empty() || !bases_.contains(std::pair(keyspace, std::string(key))))
    return std::nullopt;
  return entry(keyspace, key);
}

// The engine's own partition applies operations, so that they do here what they do there.
void KeyChanges::apply(engine::Operation operation, const engine::Entry* base,
                       std::int64_t now_ms) {
  const engine::ApplyContext as_own{.lsn = engine::kOwnRecord};
  if (state_ == nullptr)
    state_ = std::make_unique<engine::Partition>(engine::Hasher(kSeed), /*skip_bits=*/0);
  operation.hash = hash(operation.key);
  const bool is_new =
      bases_
          .try_emplace(std::pair(operation.keyspace, std::string(operation.key)),
                       base == nullptr ? Base{} : Base{base->lsn(), base->expired(now_ms)})
          .second;
  if (is_new && base != nullptr && !base->expired(now_ms)) {
    bytes_ += base->value().size();
    state_->apply(as_own, {.kind = engine::OperationKind::put,
                           .keyspace = operation.keyspace,
                           .expires_at = base->expires_at(),
                           .key = base->key(),
                           .value = base->value(),
                           .hash = operation.hash});
  }
  bytes_ += operation.key.size() + operation.value.size() + operation.number;
  state_->apply(as_own, operation);
}

}  // namespace kimdb::database
