#include "dataplane/table/last_good.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dataplane/table/layout.h"
#include "dataplane/table/parallel.h"
#include "dataplane/table/refusal.h"
#include "dataplane/table/verify_steps.h"

namespace evenkeel {
namespace {

constexpr char kRootPrefix[] = "root-";
constexpr char kTemporary[] = ".new";  // being written; left behind by a crash at most
constexpr size_t kRootsKept = 2;

// Padded, so that the order of names is the order of generations.
std::string RootName(uint64_t generation) {
  return absl::StrFormat("%s%020d", kRootPrefix, generation);
}

std::vector<Digest> TableDigests(std::span<const std::byte> root) {
  lb_root header;
  std::memcpy(&header, root.data(), sizeof(header));
  const lb_section_ref& section = header.section[LB_SECTION_TABLES];
  std::vector<Digest> digests(section.count);
  for (uint32_t i = 0; i < section.count; i++) {
    lb_table_ref ref;
    std::memcpy(&ref, root.data() + section.offset + i * sizeof(ref), sizeof(ref));
    std::memcpy(digests[i].data(), ref.digest, sizeof(ref.digest));
  }
  return digests;
}

absl::Status ReadAll(int fd, std::span<std::byte> to) {
  size_t done = 0;
  while (done < to.size()) {
    const ssize_t n = read(fd, to.data() + done, to.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, "reading");
    if (n == 0) return absl::DataLossError("the file became shorter while it was read");
    done += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

bool IsDamage(const absl::Status& status) {
  const NackCode code = NackCodeOf(status);
  return code == NackCode::kTableDigest || code == NackCode::kTableShape;
}

}  // namespace

absl::Status LastGood::Save(const ImageView& image) {
  if (absl::Status status = disk_.MakeDirectory(dir_); !status.ok()) return status;
  if (absl::Status status = disk_.MakeDirectory(tables_dir()); !status.ok()) return status;
  if (absl::Status status = SaveTables(image); !status.ok()) return status;
  if (absl::Status status = SaveRoot(image); !status.ok()) return status;
  return RemoveUnused(image.generation());
}

absl::Status LastGood::SaveTables(const ImageView& image) {
  const absl::StatusOr<std::vector<std::string>> names = disk_.List(tables_dir());
  if (!names.ok()) return names.status();
  absl::flat_hash_set<std::string> present(names->begin(), names->end());
  bool is_changed = false;
  for (const TablePtr& table : image.tables()) {
    const std::string name = HexDigest(table->digest());
    if (!present.insert(name).second) continue;
    const std::string path = absl::StrCat(tables_dir(), "/", name);
    const std::string temporary = absl::StrCat(path, kTemporary);
    absl::Status status = disk_.WriteFile(temporary, std::as_bytes(table->slots()));
    if (status.ok()) status = disk_.Rename(temporary, path);
    if (!status.ok()) return status;
    is_changed = true;
  }
  // Before the root that names them is renamed into place.
  return is_changed ? disk_.SyncDirectory(tables_dir()) : absl::OkStatus();
}

absl::Status LastGood::SaveRoot(const ImageView& image) {
  const std::string path = absl::StrCat(dir_, "/", RootName(image.generation()));
  const std::string temporary = absl::StrCat(path, kTemporary);
  absl::Status status = disk_.WriteFile(temporary, image.Published().bytes());
  if (status.ok()) status = disk_.Rename(temporary, path);
  if (!status.ok()) return status;
  return disk_.SyncDirectory(dir_);
}

// Keeps the newest roots up to `newest` and the tables that they name.
absl::Status LastGood::RemoveUnused(uint64_t newest) {
  absl::StatusOr<std::vector<std::string>> roots = RootsNewestFirst();
  if (!roots.ok()) return roots.status();
  const bool is_taken_back = !roots->empty() && roots->front() > RootName(newest);
  std::erase_if(*roots, [&](const std::string& name) { return name > RootName(newest); });
  absl::flat_hash_set<std::string> keep;
  for (size_t i = 0; i < roots->size() && i < kRootsKept; i++) {
    keep.insert((*roots)[i]);
    const absl::StatusOr<AlignedBytes> root = LoadRoot((*roots)[i]);
    if (!root.ok()) continue;
    for (const Digest& digest : TableDigests(root->bytes())) keep.insert(HexDigest(digest));
  }
  // Roots first: a root never outlives a table that it names.
  for (const std::string& directory : {dir_, tables_dir()}) {
    const absl::StatusOr<std::vector<std::string>> names = disk_.List(directory);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      const bool is_ours = directory != dir_ || absl::StartsWith(name, kRootPrefix);
      if (!is_ours || keep.contains(name)) continue;
      absl::Status status = disk_.Remove(absl::StrCat(directory, "/", name));
      if (!status.ok()) return status;
    }
  }
  // What was taken back must not come again.
  return is_taken_back ? disk_.SyncDirectory(dir_) : absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> LastGood::RootsNewestFirst() {
  absl::StatusOr<std::vector<std::string>> names = disk_.List(dir_);
  if (!names.ok()) return names;
  std::erase_if(*names, [](const std::string& name) {
    return !absl::StartsWith(name, kRootPrefix) || absl::EndsWith(name, kTemporary);
  });
  std::ranges::sort(*names, std::greater<>());
  return names;
}

LastGood::Loaded LastGood::Load() {
  Loaded loaded;
  const absl::StatusOr<std::vector<std::string>> roots = RootsNewestFirst();
  if (!roots.ok()) {
    if (!absl::IsNotFound(roots.status())) {
      loaded.problems.emplace_back(roots.status().message());
    }
    return loaded;
  }
  for (const std::string& name : *roots) {
    absl::StatusOr<std::shared_ptr<const ImageView>> image = LoadImage(name);
    if (image.ok()) {
      loaded.image = *std::move(image);
      break;
    }
    loaded.problems.push_back(
        absl::StrCat("last good image ", dir_, "/", name, ": ", image.status().message()));
  }
  return loaded;
}

absl::StatusOr<std::shared_ptr<const ImageView>> LastGood::LoadImage(const std::string& name) {
  absl::StatusOr<AlignedBytes> root = LoadRoot(name);
  if (!root.ok()) return root.status();
  const std::vector<Digest> digests = TableDigests(root->bytes());
  std::vector<absl::StatusOr<TablePtr>> tables(digests.size());
  ParallelFor(digests.size(), [&](size_t i) { tables[i] = LoadTable(digests[i]); });
  absl::flat_hash_map<Digest, TablePtr> loaded;
  for (size_t i = 0; i < tables.size(); i++) {
    if (!tables[i].ok()) return tables[i].status();
    loaded[digests[i]] = *std::move(tables[i]);
  }
  const TableLookup lookup = [&](const Digest& digest) { return loaded[digest]; };
  absl::StatusOr<ImageView> image = ImageView::Verify(*std::move(root), lookup, nullptr);
  if (!image.ok()) return image.status();
  return std::make_shared<const ImageView>(*std::move(image));
}

absl::StatusOr<AlignedBytes> LastGood::LoadRoot(const std::string& name) {
  const absl::StatusOr<UniqueFd> file = disk_.Open(absl::StrCat(dir_, "/", name));
  if (!file.ok()) return file.status();
  const absl::StatusOr<size_t> size = SizeOf(file->get());
  if (!size.ok()) return size.status();
  if (*size < sizeof(lb_root) || *size > kRootBytesMax) {
    return Refuse(NackCode::kSize, absl::StrCat("a root of ", *size, " bytes is impossible"));
  }
  AlignedBytes root(*size);
  if (absl::Status status = ReadAll(file->get(), root.bytes()); !status.ok()) return status;
  if (absl::Status status = VerifyFrame(root.bytes()); !status.ok()) return status;
  return root;
}

absl::StatusOr<TablePtr> LastGood::LoadTable(const Digest& digest) {
  const std::string path = absl::StrCat(tables_dir(), "/", HexDigest(digest));
  const absl::StatusOr<UniqueFd> file = disk_.Open(path);
  if (!file.ok()) return file.status();
  const absl::StatusOr<size_t> size = SizeOf(file->get());
  if (!size.ok()) return size.status();
  const uint32_t slots_log2 = static_cast<uint32_t>(std::bit_width(*size / sizeof(lb_slot))) - 1;
  absl::StatusOr<UniqueFd> memory = MakeSealedMemfdFrom("evenkeel-table", file->get(), *size);
  if (!memory.ok()) return memory.status();
  absl::StatusOr<TablePtr> table = Table::Adopt(*std::move(memory), digest, slots_log2);
  if (!table.ok() && IsDamage(table.status())) (void)disk_.Remove(path);
  return table;
}

LastGoodWriter::LastGoodWriter(LastGood last_good)
    : last_good_(std::move(last_good)), thread_([this] { Run(); }) {}

LastGoodWriter::~LastGoodWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LastGoodWriter::Save(std::shared_ptr<const ImageView> image) {
  {
    const std::lock_guard lock(mutex_);
    waiting_ = std::move(image);
    ++asked_;
  }
  changed_.notify_all();
}

absl::Status LastGoodWriter::SaveAndWait(std::shared_ptr<const ImageView> image,
                                         absl::Duration bound) {
  Save(std::move(image));
  std::unique_lock lock(mutex_);
  // By the steady clock.
  if (changed_.wait_for(lock, absl::ToChronoMilliseconds(bound), [&] { return done_ == asked_; })) {
    return status_;
  }
  return absl::DeadlineExceededError(
      absl::StrCat("the disk has not taken it within ", absl::FormatDuration(bound)));
}

void LastGoodWriter::Flush() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return done_ == asked_; });
}

absl::Status LastGoodWriter::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void LastGoodWriter::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return waiting_ != nullptr || stopping_; });
    if (waiting_ == nullptr) return;
    std::shared_ptr<const ImageView> image = std::move(waiting_);
    waiting_ = nullptr;
    const uint64_t taken = asked_;
    lock.unlock();
    absl::Status status = last_good_.Save(*image);
    image.reset();  // before anybody is told, so that a flushed image is no longer held here
    lock.lock();
    status_ = std::move(status);
    done_ = taken;
    changed_.notify_all();
  }
}

}  // namespace evenkeel
