// Two gateways never share a socket, and a dead one's does not keep the next out.
#include "control/io/socket_lock.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

namespace sluice::io {
namespace {

struct Folder {
  Folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "sluice-lock-XXXXXX";
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

int ListenOn(const std::string& path) {
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  REQUIRE(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(listener, 1) == 0);
  return listener;
}

TEST_CASE("a socket's lock is held by one at a time, and the refusal names socket and holder") {
  const Folder folder;
  const std::string socket = folder.path / "gateway.sock";
  std::optional<absl::StatusOr<SocketLock>> first = SocketLock::Take(socket);
  REQUIRE(first->ok());
  const absl::Status second = SocketLock::Take(socket).status();
  CHECK(second.code() == absl::StatusCode::kAlreadyExists);
  CHECK(second.message() == "listen_unix " + socket + " is in use by another sluice-gateway (process " +
                                std::to_string(getpid()) + ")");
  first.reset();
  CHECK(SocketLock::Take(socket).ok());
}

TEST_CASE("a socket that a stranger listens on is left alone; a dead one's file is no hindrance") {
  const Folder folder;
  const std::string socket = folder.path / "gateway.sock";
  const int listener = ListenOn(socket);
  CHECK(SocketLock::Take(socket).status().message() ==
        "listen_unix " + socket + " is in use by another program");
  CHECK(std::filesystem::exists(socket));
  close(listener);
  CHECK(SocketLock::Take(socket).ok());

  const std::string text = folder.path / "text";
  std::ofstream(text) << "no socket";
  CHECK(SocketLock::Take(text).status().message() == "listen_unix " + text + " exists and is no socket");
}

TEST_CASE("a lock in a folder that is not there is refused by its path") {
  CHECK_THAT(std::string(SocketLock::Take("/nonexistent/a.sock").status().message()),
             Catch::Contains("/nonexistent/a.sock"));
}

}  // namespace
}  // namespace sluice::io
