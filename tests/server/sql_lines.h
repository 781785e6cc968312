// SQL on the text port, as a person sees it.
#pragma once

#include <string>

#include "tests/support/random_sql.h"
#include "tests/support/test_server.h"

namespace kimdb::support {

// One reply: a line, or as many as "*4" in front says.
inline std::string receive_lines(TcpClient& client) {
  std::string reply = client.receive_line();
  if (!reply.starts_with('*')) return reply;
  for (std::size_t rows = std::stoul(reply.substr(1)); rows > 0; --rows)
    reply += "\n" + client.receive_line();
  return reply;
}

inline std::string ask_lines(TcpClient& client, const std::string& statement) {
  client.send(statement + "\n");
  return receive_lines(client);
}

inline std::string dump_tables(const TestServer& server) {
  TcpClient client = server.connect();
  return dump_tables([&](const std::string& sql) { return ask_lines(client, sql); });
}

}  // namespace kimdb::support
