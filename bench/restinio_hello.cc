// A bare server of RESTinio that answers every request by the same small text: what `bench/run.sh`
// compares kimdb's GET of a document with.
//
// bench_restinio_hello port: one thread, without logging, until it is killed.
//
// It uses what newer versions of Asio only have on request.
#undef ASIO_NO_DEPRECATED

#include <cstdint>
#include <cstdlib>
#include <restinio/all.hpp>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  restinio::run(restinio::on_this_thread<>()
                    .address("127.0.0.1")
                    .port(static_cast<std::uint16_t>(std::atoi(argv[1])))
                    .max_pipelined_requests(16)
                    .request_handler([](const restinio::request_handle_t& request) {
                      return request->create_response()
                          .append_header(restinio::http_field::content_type, "text/plain")
                          .set_body("Hello World!")
                          .done();
                    }));
  return 0;
}
