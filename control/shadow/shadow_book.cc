#include "control/shadow/shadow_book.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

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
  ShadowCandidate candidate = pipeline_.MakeShadow(call, who);
  if (candidate.refusal) {
    return {.refusal = std::move(candidate.refusal),
            .findings = std::move(candidate.findings),
            .view = {}};
  }
  const auto& image = candidate.compiled->image;
  ShadowView view{.file = call.file,
                  .who = who,
                  .reason = call.reason,
                  .base_revision = candidate.base_revision,
                  .base_generation = candidate.base_generation,
                  .since = absl::Now(),
                  .watched = absl::ZeroDuration(),
                  .left = lasts,
                  .is_running = true,
                  .ended_early = {},
                  .report = {}};
  {
    const std::lock_guard lock(mutex_);
    view.number = ++number_;
    shadow_.reset(
        new Shadow{view, lasts, ShadowCount(image, ImageNames(candidate.config, *image))});
  }
  pipeline_.LogShadow(
      who, absl::StrCat("of ", call.file, " beside revision ", candidate.base_revision, " for ",
                        absl::FormatDuration(lasts), ", because: ", call.reason));
  return {.refusal = {}, .findings = std::move(candidate.findings), .view = std::move(view)};
}

void ShadowBook::Add(const lb_sample& sample, const ShadowCount::Seen& seen) {
  const std::lock_guard lock(mutex_);
  if (shadow_ != nullptr && shadow_->view.is_running) shadow_->count.Add(sample, seen);
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
