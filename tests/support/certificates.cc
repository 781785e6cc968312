#include "tests/support/certificates.h"

#include <stdexcept>
#include <vector>

#include "tests/support/child_process.h"

namespace kimdb::support {
namespace {

void openssl(std::vector<std::string> arguments, const std::string& directory) {
  arguments.insert(arguments.begin(), "openssl");
  const std::string output = directory + "/output";
  ChildProcess process(arguments, output);
  const auto ended = process.wait(std::chrono::seconds(60));
  if (ended != 0) throw std::runtime_error("openssl failed: " + file_text(output));
}

const std::vector<std::string> kNewKey{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                                       "-nodes"};

std::vector<std::string> with(std::vector<std::string> arguments,
                              const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace

Certificates::Certificates() {
  openssl(with({"req", "-x509", "-keyout", directory_.path() + "/ca.key", "-out", ca(), "-subj",
                "/CN=authority", "-days", "2"},
               kNewKey),
          directory_.path());
}

std::string Certificates::issue(const std::string& common_name, const std::string& hosts) {
  const std::string certificate = directory_.path() + "/" + common_name + ".pem";
  const std::string request = certificate + ".csr";
  openssl(with({"req", "-keyout", key_of(certificate), "-out", request, "-subj",
                "/CN=" + common_name, "-addext", "subjectAltName=" + hosts},
               kNewKey),
          directory_.path());
  openssl({"x509", "-req", "-in", request, "-CA", ca(), "-CAkey", directory_.path() + "/ca.key",
           "-CAcreateserial", "-out", certificate, "-days", "2", "-copy_extensions", "copy"},
          directory_.path());
  return certificate;
}

}  // namespace kimdb::support
