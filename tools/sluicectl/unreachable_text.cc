// Known complaints of gRPC and what to do about each; see unreachable_text.h.
#include "tools/sluicectl/unreachable_text.h"

#include <initializer_list>

namespace sluice::ctl {
namespace {

bool Contains(const std::string& text, std::initializer_list<const char*> words) {
  for (const char* each : words)
    if (text.find(each) != std::string::npos) return true;
  return false;
}

std::string UnixText(const std::string& said) {
  if (Contains(said, {"No such file"}))
    return "there is no such socket: is sluice-gateway running? systemctl status sluice-gateway; another "
           "socket is named with --server";
  if (Contains(said, {"Connection refused"}))
    return "the socket is a left-over: is sluice-gateway running? systemctl status sluice-gateway";
  if (Contains(said, {"Permission denied"}))
    return "the socket is not for you: it is the gateway's user's only; try sudo";
  return "is it running? systemctl status sluice-gateway";
}

std::string TcpText(const std::string& server, const std::string& said) {
  if (Contains(said, {"is not in peer certificate"}))
    return "its certificate is for another name: dial a name that is in it, or name it with --tls-name";
  if (Contains(said, {"certificate verify failed", "CERTIFICATE_VERIFY_FAILED", "self signed certificate"}))
    return "its certificate is not signed by an authority of --tls-ca";
  // What gRPC says of a channel that it could not make.
  if (Contains(said, {"empty address list"}))
    return "no TLS session can be made: --tls-cert and --tls-key are not a certificate and its key in PEM";
  if (Contains(said, {"lookup", "DNS", "resolution"})) return "the name of " + server + " is not known here";
  if (Contains(said, {"Connection refused"}))
    return "nobody listens there: is sluice-gateway running, with listenTcp?";
  if (Contains(said, {"No route to host", "Network is unreachable", "timed out"}))
    return "the way there is cut: " + said;
  // A gateway that does not like the certificate hangs up; with TLS 1.3 no reason comes back.
  if (Contains(said, {"handshake", "Endpoint read failed", "Socket closed", "reset by peer",
                      "Connection reset", "Broken pipe", "alert"}))
    return "it ended the TLS session: it serves mutual TLS only, to certificates that an authority of its "
           "clientCaFile signed; compare --tls-cert with that (openssl verify -CAfile CA CERT)";
  return said;
}

}  // namespace

std::string UnreachableText(const std::string& server, const std::string& said) {
  if (!Contains(said, {"failed to connect to all addresses", "connections to all backends failing",
                       "DNS resolution failed", "Socket closed", "Connection reset", "recvmsg", "Broken pipe",
                       "Endpoint read failed", "empty address list"}))
    return "";
  const bool is_unix = server.rfind("unix:", 0) == 0;
  return "no sluice-gateway answers at " + server + ": " + (is_unix ? UnixText(said) : TcpText(server, said));
}

}  // namespace sluice::ctl
