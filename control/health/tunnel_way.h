// The way of the traffic: to a VIP on one backend, through the tunnel.
#ifndef CONTROL_HEALTH_TUNNEL_WAY_H_
#define CONTROL_HEALTH_TUNNEL_WAY_H_

#include <optional>
#include <string>

#include "control/health/tunnel.h"
#include "control/health/way.h"

namespace evenkeel {

class TunnelWay : public Way {
 public:
  // `tunnel` and `echo` (null: there are no pings) outlive it.
  TunnelWay(HealthTunnel* tunnel, EchoSocket* echo, const IpAddress& vip, const TunnelEnd& end,
            const std::optional<IpAddress>& source)
      : tunnel_(tunnel), echo_(echo), vip_(vip), end_(end), source_(source) {}

  const IpAddress& destination() const override { return vip_; }
  absl::Status Prepare(int socket, int protocol) override {
    return tunnel_->Prepare(socket, protocol, vip_, source_, end_);
  }
  absl::Status SendEcho(uint64_t ticket) override {
    if (echo_ == nullptr) return NoPings();
    return tunnel_->SendEcho(*echo_, ticket, vip_, source_, end_);
  }
  std::string Suffix() const override { return tunnel_->Describe(end_); }

 private:
  HealthTunnel* const tunnel_;
  EchoSocket* const echo_;
  const IpAddress vip_;
  const TunnelEnd end_;
  const std::optional<IpAddress> source_;
};

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_TUNNEL_WAY_H_
