#include "server/connection_manager.h"

#include "server/connection.h"

namespace kimdb::server {

void ConnectionManager::began(const std::shared_ptr<Connection>& connection) {
  if (connection->refused()) {
    rejected_.fetch_add(1, std::memory_order_relaxed);
    refused_waiting_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  received_.fetch_add(1, std::memory_order_relaxed);
  size_.fetch_add(1, std::memory_order_relaxed);
  MutexLock lock(mutex_);
  connections_.emplace(connection->info().id, connection);
}

void ConnectionManager::ended(const Connection& connection, std::string_view why) {
  if (connection.refused()) {
    refused_waiting_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  size_.fetch_sub(1, std::memory_order_relaxed);
  if (!why.empty())
    logger_.info("connection {} from {} closed: {}", connection.info().id,
                 connection.info().address, why);
  MutexLock lock(mutex_);
  connections_.erase(connection.info().id);
}

void ConnectionManager::for_each(
    const std::function<void(const database::SessionInfo&)>& visit) const {
  std::vector<std::shared_ptr<Connection>> open;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, connection] : connections_)
      if (auto alive = connection.lock()) open.push_back(std::move(alive));
  }
  for (const auto& connection : open) visit(connection->info());
}

bool ConnectionManager::kill(std::uint64_t id) {
  std::shared_ptr<Connection> connection;
  {
    MutexLock lock(mutex_);
    const auto found = connections_.find(id);
    if (found != connections_.end()) connection = found->second.lock();
  }
  if (connection == nullptr) return false;
  connection->close_from_anywhere("killed");
  return true;
}

}  // namespace kimdb::server
