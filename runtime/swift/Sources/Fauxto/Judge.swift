/// From crops' logits to the record: what is the same whatever ran the network.
public struct Judge: Sendable {
  /// The model's numbers.
  public let card: Card
  /// Name of the rule that turns probabilities into words.
  public let operatingPoint: String
  /// The base rate that probabilities are given for, 0...1, both ends excluded.
  public let prior: Double
  private let point: OperatingPoint

  /// - Parameters:
  ///   - card: of the model.
  ///   - operatingPoint: its name; default: the card's own.
  ///   - prior: the share of AI pictures where yours come from. It moves `pAI`, never the verdict.
  /// - Throws: `FauxtoError.argument` for an unknown operating point, or a prior that is not between 0 and 1.
  public init(card: Card, operatingPoint: String? = nil, prior: Double = Calibration.evenOdds) throws {
    guard 0 < prior, prior < 1 else {
      throw FauxtoError.argument("prior \(prior): the share of AI pictures must lie between 0 and 1")
    }
    (self.operatingPoint, point) = try card.operatingPoint(operatingPoint)
    self.card = card
    self.prior = prior
  }

  /// The record for one picture.
  ///
  /// - Parameters:
  ///   - logits: of its crops, in the card's order.
  ///   - width: of the upright picture, px.
  ///   - height: of the upright picture, px.
  ///   - path: what the picture is called.
  /// - Returns: the record without `modelSHA256`, `provider` and `elapsedMS`; with status `error` where the network gave no
  ///   number.
  /// - Throws: `FauxtoError.model` unless there is a logit for each crop.
  public func prediction(logits: [Double], width: Int, height: Int, path: String? = nil) throws -> Prediction {
    guard logits.count == card.input.positions.count else {
      throw FauxtoError.model(
        "\(card.release): \(logits.count) logits for \(card.input.positions.count) crops; take the model of the card")
    }
    let logit = card.input.pool(logits)
    guard logit.isFinite else {
      return failure("the model's answer is no number; try computeUnits .cpuOnly", path: path)
    }
    let p = card.calibration.probability(logit: logit)
    let decided = point.decide(p, shortSide: min(width, height), minimumShortSide: card.minimumShortSide)
    var record = Prediction()
    record.path = path
    record.verdict = decided.verdict
    record.lean = decided.lean
    record.reason = decided.reason
    record.pAI = Calibration.withPrior(p, prior: prior)
    record.prior = prior
    record.logit = logit
    record.operatingPoint = operatingPoint
    record.threshold = Calibration.withPrior(min(point.threshold, 1), prior: prior)
    record.width = width
    record.height = height
    record.model = card.release
    return record
  }

  /// The record for a picture that could not be judged.
  public func failure(_ error: String, path: String?) -> Prediction {
    var record = Prediction()
    record.path = path
    record.status = .error
    record.error = error
    record.model = card.release
    return record
  }
}
