import Fauxto
import SwiftUI

/// The words, the number as what it is, how often the words are wrong, and a way to share them.
struct AnswerView: View {
  let state: Judgement.State
  let figures: String?

  var body: some View {
    switch state {
    case .empty: EmptyView()
    case .working: ProgressView()
    case .failed(let reason): Text(reason).foregroundStyle(.red)
    case .answered(let answer):
      if let verdict = answer.verdict {
        VStack(spacing: 8) {
          Text(verdict.words).font(.title2)
          if let detail = detail(answer) { Text(detail) }
          if let figures {
            Text("On the model's test set, \(figures).")
              .font(.footnote)
              .foregroundStyle(.secondary)
          }
          ShareLink(item: shared(answer, verdict))
        }
        .multilineTextAlignment(.center)
      } else {
        Text(answer.error ?? "no answer").foregroundStyle(.red)
      }
    }
  }

  /// The probability and the lean; for a picture that is too small, that.
  private func detail(_ answer: Prediction) -> String? {
    if answer.reason == .tooSmall { return "The picture is too small to judge." }
    guard let chance = answer.chance else { return nil }
    switch answer.lean {
    case .ai?: return "\(chance), leans to AI"
    case .noSign?: return "\(chance), leans to no sign"
    case nil: return chance
    }
  }

  private func shared(_ answer: Prediction, _ verdict: Verdict) -> String {
    ["fauxto: \(verdict.words)", detail(answer), answer.model, "A hint, never proof."]
      .compactMap { $0 }
      .joined(separator: "\n")
  }
}
