import Foundation

/// What the model got on the test split, pictures that training and thresholds never saw: `test` in the card.
public struct TestFigures: Codable, Equatable, Sendable {
  /// Name ("clean", "web", "hard") -> what was measured on pictures in that condition.
  public let conditions: [String: Condition]

  /// Figures of pictures in one condition.
  public struct Condition: Codable, Equatable, Sendable {
    /// How many AI pictures.
    public let aiCount: Int
    /// How many photographs.
    public let realCount: Int
    /// Operating point -> its figures.
    public let operatingPoints: [String: Rates]

    enum CodingKeys: String, CodingKey {
      case aiCount = "n_ai"
      case realCount = "n_real"
      case operatingPoints = "operating_points"
    }
  }

  /// Shares, 0...1; nil for what was not reported.
  public struct Rates: Codable, Equatable, Sendable {
    /// Of the photographs, those called `ai`.
    public let falsePositiveRate: Double?
    /// Of the AI pictures, those called `ai`.
    public let recall: Double?
    /// Of the AI pictures, those that got `noSign`.
    public let aiCalledNoSign: Double?

    enum CodingKeys: String, CodingKey {
      case falsePositiveRate = "fpr"
      case recall
      case aiCalledNoSign = "ai_called_no_sign"
    }
  }

  /// How often the words were wrong, in one sentence without a full stop; nil where nothing was measured.
  ///
  /// - Parameters:
  ///   - operatingPoint: its name.
  ///   - condition: of the pictures; "clean" is as they were.
  public func sentence(operatingPoint: String, condition: String = "clean") -> String? {
    guard let measured = conditions[condition], let rates = measured.operatingPoints[operatingPoint],
      let wrong = rates.falsePositiveRate
    else { return nil }
    let found = "\(Self.share(wrong)) of \(measured.realCount) photographs were called ai"
    let ai = [(rates.recall, "were called ai"), (rates.aiCalledNoSign, "got \"no sign\"")]
      .compactMap { share, words in share.map { "\(Self.share($0)) \(words)" } }
    return ai.isEmpty ? found : "\(found); of \(measured.aiCount) AI pictures \(ai.joined(separator: " and "))"
  }

  /// In per cent, with one decimal under 10: "1.1 %", "28 %".
  private static func share(_ value: Double) -> String {
    String(format: value < 0.0995 ? "%.1f %%" : "%.0f %%", 100 * value)
  }
}
