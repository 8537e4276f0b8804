import Fauxto
import SwiftUI

/// What the screen shows: one picture and its answer. The model is loaded when the first picture comes.
@MainActor
final class Judgement: ObservableObject {
  enum State {
    case empty
    case working
    case answered(Prediction)
    case failed(String)
  }

  @Published private(set) var state = State.empty
  /// The bytes of the picture that is shown.
  @Published private(set) var data: Data?
  /// How often the words are wrong, measured on the test split.
  @Published private(set) var figures: String?
  private var detector: Detector?
  private var task: Task<Void, Never>?

  /// Judge a picture; one that is still being judged is given up.
  func judge(_ load: @escaping @Sendable () async throws -> Data?) {
    task?.cancel()
    state = .working
    data = nil
    task = Task {
      do {
        guard let data = try await load() else { throw FauxtoError.image("the picture could not be handed over") }
        try Task.checkCancellation()
        self.data = data
        let answer = try await loaded().predict(encoded: data)
        try Task.checkCancellation()
        state = .answered(answer)
      } catch is CancellationError {
        // Another picture has taken its place.
      } catch {
        state = .failed(error.localizedDescription)
      }
    }
  }

  private func loaded() async throws -> Detector {
    if let detector { return detector }
    let loaded = try await Detector(resource: "fauxto-r18")
    detector = loaded
    figures = loaded.card.test?.sentence(operatingPoint: loaded.judge.operatingPoint)
    return loaded
  }
}
