import Foundation

/// What is said of a picture.
public enum Verdict: String, Codable, CaseIterable, Sendable {
  /// Strong signs of AI.
  case ai
  /// Anything between, and every picture that is too small to judge.
  case unsure
  /// No sign of AI found. A generator that the model does not know gets it too: it never means "a photograph".
  case noSign = "no_sign"

  /// What it says to a person.
  public var words: String {
    switch self {
    case .ai: "strong signs of AI"
    case .unsure: "unsure"
    case .noSign: "no sign of AI found"
    }
  }
}

/// The side that an unsure verdict leans to.
public enum Lean: String, Codable, Sendable {
  case ai
  case noSign = "no_sign"
}

/// Why this verdict.
public enum Reason: String, Codable, Sendable {
  /// Beyond a threshold.
  case threshold
  /// Between the thresholds.
  case band
  /// The short side is under the card's `minimumShortSide`.
  case tooSmall = "too_small"
}

/// What turns a logit into a probability: `calibration` in the card.
public struct Calibration: Codable, Equatable, Sendable {
  public let temperature: Double
  public let bias: Double

  /// The base rate that calibration and thresholds are made for: half of all pictures AI.
  public static let evenOdds = 0.5

  /// Calibrated probability of "ai", 0...1, at even odds: `1 / (1 + exp(-(logit / temperature + bias)))`.
  ///
  /// Temperature scaling (Guo et al. 2017, arXiv 1706.04599) with a bias (Platt 1999), in a form that does not overflow.
  public func probability(logit: Double) -> Double {
    let z = logit / temperature + bias
    return z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z))
  }

  /// The logit that a calibrated probability belongs to; `p` and `other` add up to 1.
  func logit(probability p: Double, other: Double) -> Double {
    (log(max(p, 1e-12) / max(other, 1e-12)) - bias) * temperature
  }

  /// A probability for even odds, turned into one for another base rate (Bayes's rule).
  ///
  /// - Parameters:
  ///   - p: 0...1.
  ///   - prior: the share of AI pictures, 0...1, both ends excluded.
  public static func withPrior(_ p: Double, prior: Double) -> Double {
    let ai = p * prior
    let real = (1 - p) * (1 - prior)
    return prior == evenOdds || ai + real == 0 ? p : ai / (ai + real)
  }
}

/// Where the words change, and what that cost on the pictures that it was set on.
public struct OperatingPoint: Codable, Equatable, Sendable {
  /// Calibrated p, at even odds, from which a picture is called `ai`.
  public let threshold: Double
  /// Calibrated p under which it is called `noSign`; between the two it is `unsure`.
  public let noSignBelow: Double

  enum CodingKeys: String, CodingKey {
    case threshold
    case noSignBelow = "no_sign_below"
  }

  /// The words for a calibrated probability at even odds.
  ///
  /// There is a lean only where the verdict is `unsure`, and none for a picture that is too small to judge.
  ///
  /// - Parameters:
  ///   - p: 0...1.
  ///   - shortSide: of the upright picture as decoded, px.
  ///   - minimumShortSide: the card's, px.
  public func decide(_ p: Double, shortSide: Int, minimumShortSide: Int) -> (
    verdict: Verdict, lean: Lean?, reason: Reason
  ) {
    if shortSide < minimumShortSide { return (.unsure, nil, .tooSmall) }
    if p >= threshold { return (.ai, nil, .threshold) }
    if p < noSignBelow { return (.noSign, nil, .threshold) }
    return (.unsure, p >= 0.5 ? .ai : .noSign, .band)
  }
}
