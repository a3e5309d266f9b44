// Looks at an image in use anew: not what was verified once, but what lies in memory now. Slow (it
// hashes every table), for a thread of its own; reads nothing outside of the image whatever has
// happened to it.
//
//   ImageFacts facts = AuditImage(*image);   // facts.digest is comparable with StatedDigest()
#ifndef DATAPLANE_TABLE_IMAGE_AUDIT_H_
#define DATAPLANE_TABLE_IMAGE_AUDIT_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/table/digest.h"
#include "dataplane/table/image_view.h"
#include "dataplane/table/region.h"

namespace evenkeel {

struct ImageFacts {
  uint64_t generation = 0;
  Digest digest{};                  // of what every pool balances by, from the slots
  std::vector<std::string> faults;  // a sentence each, what differs from what the root states
};

// SHA-256 over the slots as backend ids; 0 for a backend that there is not.
Digest IdDigestOf(std::span<const lb_slot> slots, std::span<const lb_backend> backends);

ImageFacts AuditImage(const ImageView& image);

// One audit at a time on a thread of low priority. The manager thread begins it and polls fd().
class ImageAuditor {
 public:
  ImageAuditor();
  ~ImageAuditor();  // waits for the audit under way

  bool is_busy() const { return thread_.joinable(); }
  // Only when it is not busy.
  void Begin(std::shared_ptr<const ImageView> image);
  // Readable when Take() has something.
  int fd() const { return done_.get(); }
  // What was found, once; nothing while the audit is under way.
  std::optional<ImageFacts> Take();

 private:
  UniqueFd done_;  // eventfd: written by the thread when `facts_` is there
  ImageFacts facts_;
  std::thread thread_;
};

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_IMAGE_AUDIT_H_
