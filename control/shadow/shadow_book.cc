#include "control/shadow/shadow_book.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "control/change/refusals.h"

namespace evenkeel {
namespace {

std::string PercentText(const std::optional<double>& share) {
  return share ? absl::StrFormat("%.2f %%", 100 * *share) : "-";
}

Refusal Held(const ShadowView& other) {
  return {"refused",
          absl::StrCat("a shadow of ", other.file, " by ", other.who.name, " runs for ",
                       absl::FormatDuration(absl::Seconds(absl::ToInt64Seconds(other.left) + 1)),
                       " more"),
          "one at a time: evenkeel status shows it"};
}

}  // namespace

ShadowStart ShadowBook::Begin(const ApplyCall& call, absl::Duration lasts, const Who& who) {
  const std::lock_guard beginning(beginning_);
  if (lasts < kShortest || lasts > kLongest) {
    return {.refusal = Refusal{"usage",
                               absl::StrCat("a shadow of ", absl::FormatDuration(lasts),
                                            " is not allowed"),
                               "--confirm-within from 5s to 1h says how long it runs"},
            .findings = {},
            .view = {}};
  }
  if (const std::optional<ShadowView> other = View(); other && other->is_running) {
    return {.refusal = Held(*other), .findings = {}, .view = {}};
  }
  const auto candidate = std::make_shared<ShadowCandidate>(pipeline_.MakeShadow(call, who));
  ShadowStart start{.refusal = std::move(candidate->refusal),
                    .findings = std::move(candidate->findings),
                    .view = {}};
  if (start.refusal) return start;
  const std::shared_ptr<const ImageView> image = candidate->compiled->image;
  ShadowView view{.file = call.file,
                  .who = who,
                  .reason = call.reason,
                  .base_revision = candidate->base_revision,
                  .base_generation = candidate->base_generation,
                  .since = absl::Now(),
                  .moved = {},
                  .watched = absl::ZeroDuration(),
                  .left = lasts,
                  .is_running = true,
                  .ended_early = {},
                  .report = {}};
  {
    const std::lock_guard lock(mutex_);
    view.number = ++number_;
    shadow_.reset(new Shadow{view, lasts, ShadowCount(image, ImageNames(candidate->config, *image)),
                             candidate});
  }
  pipeline_.LogShadow(
      who, absl::StrCat("of ", call.file, " beside revision ", view.base_revision, " for ",
                        absl::FormatDuration(lasts), ", because: ", call.reason));
  start.view = std::move(view);
  return start;
}

// Who asks for the shadow does not wait while tables are made; and none is begun meanwhile, since
// one that runs is ended by this thread alone.
void ShadowBook::Follow(const RunningRevision& running, absl::Time at) {
  std::shared_ptr<ShadowCandidate> candidate;
  {
    const std::lock_guard lock(mutex_);
    if (shadow_ == nullptr || !shadow_->view.is_running) return;
    const ShadowView& view = shadow_->view;
    if (running.revision != view.base_revision) return;  // its end
    if (running.generation == view.base_generation) return;
    candidate = shadow_->candidate;
  }
  const CompiledPtr before = candidate->compiled;
  const absl::Status made = MakeTables(*running.compiled->image, candidate.get());
  const std::shared_ptr<const ImageView> image = candidate->compiled->image;
  ImageNames names(candidate->config, *image);
  const std::lock_guard lock(mutex_);
  ShadowView& view = shadow_->view;
  if (!made.ok()) {
    view.ended_early =
        absl::StrCat("its tables cannot be made for how backends stand now: ", made.message());
    return;
  }
  if (!SameContent(*image, *before->image)) view.moved = at;
  view.base_generation = running.generation;
  shadow_->count.Follow(image, std::move(names));
}

void ShadowBook::Add(const lb_sample& sample, const ShadowCount::Seen& seen) {
  const std::lock_guard lock(mutex_);
  if (shadow_ == nullptr || !shadow_->view.is_running) return;
  if (sample.generation != static_cast<uint32_t>(shadow_->view.base_generation)) return;
  shadow_->count.Add(sample, seen);
}

void ShadowBook::EndSecond(absl::Time at) {
  std::optional<ShadowView> ended;
  {
    const std::lock_guard lock(mutex_);
    if (shadow_ == nullptr || !shadow_->view.is_running) return;
    ShadowView& view = shadow_->view;
    view.watched = std::max(at - view.since, absl::ZeroDuration());
    view.left = std::max(shadow_->lasts - view.watched, absl::ZeroDuration());
    const RunningPtr running = pipeline_.Running();
    if (running == nullptr || running->revision != view.base_revision) {
      view.ended_early = absl::StrCat("revision ", running == nullptr ? 0 : running->revision,
                                      " runs now, and not revision ", view.base_revision);
    }
    if (view.left > absl::ZeroDuration() && view.ended_early.empty()) return;
    view.is_running = false;
    view.left = absl::ZeroDuration();
    ended = ViewOf(*shadow_);
  }
  pipeline_.LogShadow(ended->who, SummaryOf(*ended));
}

ShadowView ShadowBook::ViewOf(const Shadow& shadow) {
  ShadowView view = shadow.view;
  view.report = shadow.count.Report();
  return view;
}

std::optional<ShadowView> ShadowBook::View() const {
  const std::lock_guard lock(mutex_);
  if (shadow_ == nullptr) return std::nullopt;
  return ViewOf(*shadow_);
}

std::string SummaryOf(const ShadowView& view) {
  std::string text =
      absl::StrCat("of ", view.file, " has ended after ",
                   absl::FormatDuration(
                       absl::Seconds(absl::ToInt64Seconds(view.watched + absl::Milliseconds(500)))),
                   view.ended_early.empty() ? "" : " early: ", view.ended_early, "; ",
                   view.report.samples, " packets sampled");
  if (view.moved) {
    absl::StrAppend(&text, "; both tables followed how backends stand, the last time at ",
                    TimeText(*view.moved));
  }
  for (const ShadowService& service : view.report.services) {
    absl::StrAppend(&text, "; ", service.service, ": ", service.flows_moved, " of ", service.flows,
                    " flows would go elsewhere");
    for (const ShadowBackend& backend : service.backends) {
      absl::StrAppend(&text, ", ", backend.name, " ", PercentText(backend.new_flows.running),
                      " -> ", PercentText(backend.new_flows.candidate));
    }
    for (const auto& [reason, packets] : service.refused) {
      absl::StrAppend(&text, ", ", packets, " packets would end as ", reason);
    }
  }
  return text;
}

}  // namespace evenkeel
