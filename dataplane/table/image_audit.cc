#include "dataplane/table/image_audit.h"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/table/layout.h"
#include "dataplane/table/verify_steps.h"

namespace evenkeel {
namespace {

constexpr int kLowPriority = 19;

// Whether the sections lie where the accessors of ImageView may read them.
bool IsShapeSound(const ImageView& image) {
  const lb_root& root = image.root();
  for (int i = 0; i < LB_SECTIONS; ++i) {
    const lb_section_ref& ref = root.section[i];
    if (ref.offset > image.size() || ref.stride != kSectionShapes[i].stride ||
        ref.count > (image.size() - ref.offset) / ref.stride) {
      return false;
    }
  }
  return root.size == image.size() &&
         root.section[LB_SECTION_TABLES].count == image.tables().size() &&
         root.section[LB_SECTION_PARAMS].count == 1;
}

void AuditTables(const ImageView& image, std::vector<std::string>* faults) {
  for (size_t i = 0; i < image.tables().size(); ++i) {
    const Table& table = *image.tables()[i];
    const lb_table_ref& ref = image.table_refs()[i];
    const Digest found = Sha256(std::as_bytes(table.slots()));
    if (std::memcmp(found.data(), ref.digest, found.size()) == 0) continue;
    faults->push_back(absl::StrCat("table ", i, " of pool ", ref.pool, ": its ",
                                   table.slots().size(), " slots are not those that its digest ",
                                   HexDigest(table.digest()).substr(0, 12), " names"));
  }
}

void AuditServices(const ImageView& image, std::vector<std::string>* faults) {
  for (size_t i = 0; i < image.services().size(); ++i) {
    const lb_service& service = image.services()[i];
    const uint64_t slots =
        service.table < image.tables().size()
            ? reinterpret_cast<uintptr_t>(image.tables()[service.table]->slots().data())
            : 0;
    if (service.plane_word == slots) continue;
    faults->push_back(absl::StrCat("service record ", i, " does not point at its own table"));
  }
}

}  // namespace

Digest IdDigestOf(std::span<const lb_slot> slots, std::span<const lb_backend> backends) {
  Sha256Stream stream;
  std::array<uint64_t, 4096> ids;
  while (!slots.empty()) {
    const size_t count = std::min(slots.size(), ids.size());
    for (size_t i = 0; i < count; ++i) {
      const uint16_t backend = lb_slot_backend(slots[i]);
      ids[i] = backend < backends.size() ? backends[backend].id : 0;
    }
    stream.Append(std::as_bytes(std::span(ids).first(count)));
    slots = slots.subspan(count);
  }
  return stream.Finish();
}

ImageFacts AuditImage(const ImageView& image) {
  ImageFacts facts{.generation = image.generation()};
  if (!IsShapeSound(image)) {
    facts.faults.push_back("the root's header was changed in memory");
    return facts;
  }
  if (absl::Status frame = VerifyFrame(image.Published().bytes()); !frame.ok()) {
    facts.faults.push_back(absl::StrCat("the root in memory: ", frame.message()));
  }
  AuditServices(image, &facts.faults);
  AuditTables(image, &facts.faults);
  facts.digest = image.DigestOf(
      [&](uint32_t table) { return IdDigestOf(image.tables()[table]->slots(), image.backends()); });
  return facts;
}

ImageAuditor::ImageAuditor() : done_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

ImageAuditor::~ImageAuditor() {
  if (thread_.joinable()) thread_.join();
}

void ImageAuditor::Begin(std::shared_ptr<const ImageView> image) {
  thread_ = std::thread([this, image = std::move(image)] {
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kLowPriority);
    facts_ = AuditImage(*image);
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(done_.get(), &one, sizeof(one));
  });
}

std::optional<ImageFacts> ImageAuditor::Take() {
  uint64_t count = 0;
  if (read(done_.get(), &count, sizeof(count)) != sizeof(count)) return std::nullopt;
  thread_.join();
  return std::move(facts_);
}

}  // namespace evenkeel
