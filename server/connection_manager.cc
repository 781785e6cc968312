#include "server/connection_manager.h"

#include "server/session.h"

namespace kimdb::server {

void ConnectionManager::began(const std::shared_ptr<Session>& session) {
  if (session->kind() == Session::Kind::refused) {
    rejected_.fetch_add(1, std::memory_order_relaxed);
    refused_waiting_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  received_.fetch_add(1, std::memory_order_relaxed);
  size_.fetch_add(1, std::memory_order_relaxed);
  MutexLock lock(mutex_);
  sessions_.emplace(session->info().id, session);
}

void ConnectionManager::ended(const Session& session, std::string_view why) {
  if (session.kind() == Session::Kind::refused) {
    refused_waiting_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  size_.fetch_sub(1, std::memory_order_relaxed);
  if (!why.empty())
    logger_.info("connection {} from {} closed: {}", session.info().id, session.info().address,
                 why);
  MutexLock lock(mutex_);
  sessions_.erase(session.info().id);
}

void ConnectionManager::for_each(
    const std::function<void(const database::SessionInfo&)>& visit) const {
  std::vector<std::shared_ptr<Session>> open;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, session] : sessions_)
      if (auto alive = session.lock()) open.push_back(std::move(alive));
  }
  for (const auto& session : open) visit(session->info());
}

bool ConnectionManager::kill(std::uint64_t id) {
  std::shared_ptr<Session> session;
  {
    MutexLock lock(mutex_);
    const auto found = sessions_.find(id);
    if (found != sessions_.end()) session = found->second.lock();
  }
  if (session == nullptr) return false;
  session->close_from_anywhere("killed");
  return true;
}

}  // namespace kimdb::server
