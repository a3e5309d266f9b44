// Names for the indices of an image: services, and backends by their leases.
#ifndef CONTROL_SAMPLE_NAMES_H_
#define CONTROL_SAMPLE_NAMES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "control/config/config.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

class ImageNames {
 public:
  // `config` is what `image` was made of.
  ImageNames(const Config& config, const ImageView& image);

  // Empty: no such service.
  const std::string& Service(uint16_t index) const;
  // "POOL/BACKEND"; of one that has left the configuration "POOL/ADDRESS (leaving)". Empty: there
  // is none under that index.
  const std::string& Backend(uint16_t lease) const;

 private:
  std::vector<std::string> services_;
  std::vector<std::string> backends_;
};

}  // namespace evenkeel

#endif  // CONTROL_SAMPLE_NAMES_H_
